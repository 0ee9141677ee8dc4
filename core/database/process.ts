import { readFileSync, readlinkSync } from 'node:fs'
import { codeOf } from '../errors.ts'

/** Start of a process in clock ticks after boot, field 22 of /proc/PID/stat (proc(5)); null where there is no /proc. */
export function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // the second field may hold spaces and parentheses itself
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

/**
 * One process among all of all machines, containers and boots; undefined where that can't be told. A pid
 * alone says nothing: they are reused, and each container has a pid 1.
 */
export function processIdentity(pid = process.pid): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const start = startOf(pid)
    return start === null
      ? undefined
      : [boot, readlinkSync('/proc/self/ns/pid'), pid, start].join(' ')
  } catch {
    return undefined
  }
}

/** Whether it is known that the process has ended; false of those that can't be seen from here. */
export function hasEnded(identity: string): boolean {
  const own = processIdentity()?.split(' ')
  const [boot, namespace, pid] = identity.split(' ')
  if (own === undefined || boot !== own[0] || namespace !== own[1]) return false
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    return codeOf(error) === 'ESRCH'
  }
  return processIdentity(Number(pid)) !== identity
}
