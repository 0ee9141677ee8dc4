import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Starts a TypeScript file as a process that can send messages; the caller ends it. */
export function startChild(file: URL, args: readonly string[]): ChildProcess {
  return fork(fileURLToPath(file), [...args], { execArgv: ['--import', 'tsx'] })
}

/** The next message of a child; rejects when it exits before, or after `ms`. */
export function messageOfChild(child: ChildProcess, ms = 60_000): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      clearTimeout(timer)
      child.off('message', heard)
      child.off('exit', exited)
      settle()
    }
    const heard = (message: unknown) => done(() => resolve(message))
    const exited = (code: number | null) =>
      done(() => reject(new Error(`the child exited with ${code}`)))
    const timer = setTimeout(() => done(() => reject(new Error('the child is silent'))), ms)
    child.on('message', heard)
    child.on('exit', exited)
  })
}

/** Resolves when the child is gone. */
export function exitOfChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => child.once('exit', () => resolve()))
}
