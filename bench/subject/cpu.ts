import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Linux counts in hundredths of a second for every process (proc(5), sysconf(_SC_CLK_TCK)). */
const tickUs = 10_000
const quietMs = 300

/** Processor time of a process so far, user and system, µs. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // the name in parentheses may hold anything
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tickUs
}

/** Waits until a process does next to nothing, as what it has taken on is done. @returns its processor time then, µs */
export async function settledCpuOf(pid: number): Promise<number> {
  for (let before = cpuOf(pid); ; ) {
    await delay(quietMs)
    const now = cpuOf(pid)
    if (now - before <= 2 * tickUs) return now
    before = now
  }
}
