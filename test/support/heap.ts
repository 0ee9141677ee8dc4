import { collectGarbage } from '../../core/testing/test-bot/garbage.ts'

/** Garbage collections with turns between them, in which finished promises let go. */
export async function collect(): Promise<void> {
  for (let round = 0; round < 5; round++) await collectGarbage()
}

/** Bytes in use after garbage collection. */
export async function heapUsed(): Promise<number> {
  await collect()
  return process.memoryUsage().heapUsed
}
