// npm run check: lint and format, types, direction of imports, dead exports; all at once.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

interface Tool {
  readonly name: string
  readonly script: string
  readonly args: readonly string[]
}

const folders = ['core', 'config', 'migrations', 'plugins', 'examples'].filter((folder) =>
  existsSync(resolve(root, folder)),
)

// dependency-cruiser and knip read the code by the API of TypeScript 5; types are checked by
// TypeScript 7, which has none (docs/decisions/0001-tools.md)
const tools: readonly Tool[] = [
  {
    name: 'lint and format',
    script: '@biomejs/biome/bin/biome',
    args: ['check', '--error-on-warnings'],
  },
  { name: 'types', script: 'typescript-7/bin/tsc', args: ['-p', '.'] },
  {
    name: 'direction of imports',
    script: 'dependency-cruiser/bin/dependency-cruiser.mjs',
    args: ['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', ...folders],
  },
  { name: 'dead exports', script: 'knip/bin/knip.js', args: ['--no-progress'] },
]

async function run({ name, script, args }: Tool): Promise<boolean> {
  const started = performance.now()
  const child = spawn(process.execPath, [resolve(root, 'node_modules', script), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const code = await new Promise((done) => child.on('close', done))
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stdout.write(`${code === 0 ? '✔' : '✖'} ${name}  ${seconds} s\n`)
  if (code !== 0) process.stdout.write(`\n${output.trim()}\n\n`)
  return code === 0
}

const started = performance.now()
const results = await Promise.all(tools.map(run))
const failed = results.filter((ok) => !ok).length
const seconds = ((performance.now() - started) / 1000).toFixed(1)
process.stdout.write(
  failed === 0
    ? `all clear in ${seconds} s\n`
    : `${failed} of ${tools.length} failed, ${seconds} s\n`,
)
process.exitCode = failed === 0 ? 0 : 1
