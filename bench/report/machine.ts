import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** What the figures were taken on, and how busy it was: without that they say little. */
export function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const memory = Math.round(totalmem() / 2 ** 30)
  const load = loadavg().map((average) => average.toFixed(2))
  return `${model}, ${availableParallelism()} cores, ${memory} GiB, Node ${process.version}, load average ${load.join(' ')}`
}
