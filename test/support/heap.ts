import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'

/** Full garbage collections, with turns between them in which finished promises let go. */
export async function collect(): Promise<void> {
  v8.setFlagsFromString('--expose-gc')
  const gc: unknown = vm.runInNewContext('gc')
  if (typeof gc !== 'function') throw new Error('V8 gave no gc()')
  for (let round = 0; round < 5; round++) {
    gc()
    await sleep(2)
  }
}

/** Bytes in use after garbage collection. */
export async function heapUsed(): Promise<number> {
  await collect()
  return process.memoryUsage().heapUsed
}
