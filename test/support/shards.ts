import { type ChildProcess, fork } from 'node:child_process'
import { resolve } from 'node:path'
import type { Report, Task } from './protocol.ts'

export interface FileResult {
  readonly file: string
  passed: number
  skipped: number
  readonly failures: { title: string; text: string }[]
  /** What the file's tests printed; shown when they fail. */
  output: string
  ms: number
}

interface Run {
  /** Relative to `root`. */
  readonly files: readonly string[]
  readonly root: string
  readonly env: NodeJS.ProcessEnv
  readonly grep: string | undefined
  /** Where the tests put what is temporary; default: where the system does. */
  readonly folder: string | undefined
  readonly shards: number
  onResult(result: FileResult): void
}

/** A file that takes so long hangs; more rows than usual take their time. */
const fileTimeoutMs = Number(process.env.TEST_FILE_MS || 360_000)
const outputLimit = 200_000

/**
 * Runs the files in several processes, each taking the next file when it is free. A file whose process
 * dies or hangs fails; the next one gets a new process.
 */
export async function runFiles(run: Run): Promise<FileResult[]> {
  const queue = [...run.files]
  const results: FileResult[] = []
  const shard = async () => {
    let child: ChildProcess | undefined
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      child ??= startShard(run)
      const result = await runFile(child, { file: resolve(run.root, file), grep: run.grep }, file)
      if (child.exitCode !== null || child.signalCode !== null || !child.connected)
        child = undefined
      results.push(result)
      run.onResult(result)
    }
    if (child?.connected) child.disconnect()
  }
  await Promise.all(Array.from({ length: Math.min(run.shards, queue.length) }, shard))
  return results.sort((a, b) => a.file.localeCompare(b.file))
}

function startShard({ root, env, folder }: Run): ChildProcess {
  return fork(resolve(import.meta.dirname, 'shard.ts'), {
    cwd: root,
    env: { ...env, ...(folder !== undefined && { TEST_FOLDER: folder }) },
    // tsx/esm alone: with tsx mocha would require() the test files, and they would get a second copy of the core
    execArgv: ['--import', 'tsx/esm'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

function runFile(child: ChildProcess, task: Task, file: string): Promise<FileResult> {
  const result: FileResult = { file, passed: 0, skipped: 0, failures: [], output: '', ms: 0 }
  const started = performance.now()
  return new Promise((done) => {
    const onOutput = (chunk: Buffer) => {
      if (result.output.length < outputLimit) result.output += chunk.toString()
    }
    const finish = () => {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit)
      child.stdout?.off('data', onOutput)
      child.stderr?.off('data', onOutput)
      result.ms = performance.now() - started
      done(result)
    }
    const onMessage = (message: Report) => {
      if (message.kind === 'test') result[message.state]++
      else if (message.kind === 'failed') result.failures.push(message)
      else if (message.kind === 'done') finish()
    }
    const onExit = (code: number | null, signal: string | null) => {
      const text = `exit code ${code}, signal ${signal}`
      result.failures.push({ title: 'its process died before the file was done', text })
      finish()
    }
    const timer = setTimeout(() => {
      const text = `no end after ${fileTimeoutMs / 1000} s`
      result.failures.push({ title: 'the file hangs', text })
      child.off('exit', onExit)
      child.once('exit', finish)
      // an orderly end takes with it what the file has started; one that spins has none
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref()
    }, fileTimeoutMs)
    child.on('message', onMessage).on('exit', onExit)
    child.stdout?.on('data', onOutput)
    child.stderr?.on('data', onOutput)
    child.send(task)
  })
}
