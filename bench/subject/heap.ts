import { collect } from '../../test/support/heap.ts'

export interface Memory {
  heapMb: number
  rssMb: number
}

/** Memory after everything was collected that can be. */
export async function settledMemory(): Promise<Memory> {
  await collect()
  const { heapUsed, rss } = process.memoryUsage()
  return { heapMb: heapUsed / 2 ** 20, rssMb: rss / 2 ** 20 }
}
