import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf } from '../../core/errors.ts'

/** Linux keeps what lies here in memory. */
const memory = '/dev/shm'
/** An embedded database takes 40 MB, and a run makes two dozen. */
const roomBytes = 4 * 2 ** 30

const folders = new Set<string>()

// Test files share a process one after another, and the runner ends it by process.exit.
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** An empty folder; removed when the process ends. */
export function freshFolder(parent = tmpdir()): string {
  if (folders.size === 0) removeLeftovers(parent)
  const folder = mkdtempSync(join(parent, `opsgram-test-${process.pid}-`))
  folders.add(folder)
  return folder
}

/**
 * A folder for all that is temporary in one run, in memory if there is room: a busy disk made forty seconds of the
 * five in which a database is made. Undefined: use the system's.
 */
export function runFolder(): string | undefined {
  if (process.env.TMPDIR !== undefined || freeBytes(memory) < roomBytes) return undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const folder = freshFolder(memory)
  // as the system's: tests that go on as another user find their own folders in it
  chmodSync(folder, 0o711)
  return folder
}

function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return 0
  }
}

/** Folders of test processes that were killed. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = /^opsgram-test-(\d+)-/.exec(name)?.[1]
    if (pid === undefined || lives(Number(pid))) continue
    rmSync(join(parent, name), { recursive: true, force: true })
  }
}

/** Whether a process with this id runs. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}
