// npm test [-- paths or parts of paths…] [-g words of a test's title] [--shards N]
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { coreVariables } from '../config/names.ts'
import { maskSecrets } from '../config/secret.ts'
import { onceMoreAlone } from './support/alone.ts'
import { runFolder } from './support/folders.ts'
import { type FileResult, runFiles } from './support/shards.ts'

const root = resolve(import.meta.dirname, '..')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string', short: 'g' },
    shards: { type: 'string' },
    /** Other files than the suite's, for the runner's own tests. */
    glob: { type: 'string', multiple: true },
  },
})

const globs = values.glob ?? ['test/**/*.test.ts', 'plugins/**/*.test.ts', 'examples/**/*.test.ts']
const files = globSync(globs, {
  cwd: root,
  exclude: values.glob ? [] : ['**/node_modules/**', '**/fixtures/**'],
})
  .filter((file) => positionals.length === 0 || positionals.some((part) => matches(file, part)))
  .sort((a, b) => weightOf(b) - weightOf(a) || a.localeCompare(b))

function matches(file: string, part: string): boolean {
  return file.includes(relative(root, resolve(root, part))) || file.includes(part)
}

/** What takes longest begins first, lest one process ends alone: whole programs, then whole bots, then parts. */
function weightOf(file: string): number {
  if (dirname(file) === 'test') return 2
  return /^(plugins|examples)/.test(file) || file.includes('/testing/') ? 1 : 0
}

/** The tests' own variables pass, the machine's settings for a real bot must not reach them. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = (name: string) => coreVariables.has(name) && !name.startsWith('TEST_')
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function printFailures({ file, failures, output }: FileResult): void {
  for (const { title, text } of failures) {
    print(`\n  ✖ ${file}\n    ${title}`)
    print(text.replace(/^/gm, '      '))
  }
  if (output.trim() !== '')
    print(`      it printed:\n${output.trimEnd().replace(/^/gm, '      | ')}`)
}

const database = process.env.TEST_DATABASE_URL
print(
  `${files.length} ${files.length === 1 ? 'file' : 'files'}, ${database ? `PostgreSQL at ${maskSecrets(database)}` : 'embedded database'}`,
)

const started = performance.now()
const run = {
  root,
  env: cleanEnvironment(),
  grep: values.grep,
  folder: runFolder(),
  // most of a run is waiting: for pauses, limits and other processes
  shards:
    values.shards === undefined ? Math.min(2 * availableParallelism(), 8) : Number(values.shards),
  onResult({ file, passed, skipped, failures, ms }: FileResult) {
    const counts = [
      `${passed} passed`,
      failures.length && `${failures.length} failed`,
      skipped && `${skipped} skipped`,
    ]
    print(
      `${failures.length > 0 ? '✖' : '✔'} ${file}  ${counts.filter(Boolean).join(', ')}  ${Math.round(ms)} ms`,
    )
  },
}
const beside = await runFiles({ ...run, files })
const { results, unsteady } = await onceMoreAlone(beside, (shaky) => {
  print('\nonce more, alone:')
  return runFiles({ ...run, shards: 1, files: shaky })
})
for (const { beside: first } of unsteady) {
  print(`\n  ! ${first.file} failed beside others and passed alone:`)
  for (const { title, text } of first.failures) {
    print(`    ${title}\n${text.replace(/^/gm, '      ')}`)
  }
}

for (const result of results) if (result.failures.length > 0) printFailures(result)

const sum = (count: (result: FileResult) => number) =>
  results.reduce((total, result) => total + count(result), 0)
const passed = sum((result) => result.passed)
const failed = sum((result) => result.failures.length)
const skipped = sum((result) => result.skipped)
if (passed + failed === 0) print('\nNo test ran.')
print(`\nin ${((performance.now() - started) / 1000).toFixed(1)} s`)
print(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
