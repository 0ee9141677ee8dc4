// One of the processes that run test files, one file after another: what is costly to start, an
// embedded database or the transpiled core, is shared by the files of a shard.
import { stripVTControlCharacters } from 'node:util'
import Mocha from 'mocha'
import type { Report, Task } from './protocol.ts'

const { EVENT_TEST_PASS, EVENT_TEST_PENDING, EVENT_TEST_FAIL } = Mocha.Runner.constants

// set here and not from outside: what tsx has transpiled stays in the system's folder, for the next run
if (process.env.TEST_FOLDER !== undefined) process.env.TMPDIR = process.env.TEST_FOLDER

function report(message: Report): void {
  process.send?.(message)
}

class ReportToRunner extends Mocha.reporters.Base {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options)
    runner.on(EVENT_TEST_PASS, (test) => {
      report({ kind: 'test', title: test.fullTitle(), state: 'passed' })
    })
    runner.on(EVENT_TEST_PENDING, (test) => {
      report({ kind: 'test', title: test.fullTitle(), state: 'skipped' })
    })
    // hooks arrive here, too, titled like `"before each" hook for "…"`
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      report({ kind: 'failed', title: test.titlePath().join(' › '), text: describeFailure(error) })
    })
  }
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const lines = [
    `${'code' in error ? `${String(error.code)} ` : ''}${error.name}: ${error.message}`,
  ]
  if ('expected' in error && 'actual' in error && isLong(error.expected, error.actual)) {
    const { expected, actual } = error
    const diff = Mocha.reporters.Base.generateDiff(textOf(actual), textOf(expected))
    lines.push(stripVTControlCharacters(diff))
  }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const own = frames.filter((line) => !/node_modules|node:/.test(line))
  lines.push(...(own.length > 0 ? own : frames).slice(0, 8))
  if (error.cause !== undefined) lines.push(`caused by ${describeFailure(error.cause)}`)
  return lines.join('\n')
}

/** What the message alone doesn't show well. mocha hands both sides on as text. */
function isLong(...sides: unknown[]): boolean {
  return sides.every((side) => typeof side !== 'string' || side.length > 40 || side.includes('\n'))
}

function textOf(side: unknown): string {
  return typeof side === 'string' ? side : Mocha.utils.stringify(side)
}

async function run({ file, grep }: Task): Promise<void> {
  const mocha = new Mocha({
    timeout: 60_000,
    forbidOnly: true,
    reporter: ReportToRunner,
    ...(grep !== undefined && { grep }),
  })
  mocha.addFile(file)
  await mocha.loadFilesAsync()
  await new Promise<void>((resolve) => {
    mocha.run(() => resolve())
  })
  // or its listeners stay, and those of forty files hand a rejection to each other for ever
  mocha.dispose()
}

// to where an exception goes, so that mocha fails the test; by itself it says nothing of these
process.on('unhandledRejection', (reason) => {
  throw reason instanceof Error ? reason : new Error(`rejected with ${String(reason)}`)
})
process.on('message', (task: Task) => {
  run(task)
    .catch((error: unknown) => {
      report({ kind: 'failed', title: 'the file could not be run', text: describeFailure(error) })
    })
    .finally(() => report({ kind: 'done' }))
})
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => process.exit(1))
report({ kind: 'ready' })
