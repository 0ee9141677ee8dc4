import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import vm from 'node:vm'

let collectNow: (() => void) | undefined

/** One full garbage collection. */
export async function collectGarbage(): Promise<void> {
  collectNow ??= collector()
  // what a WeakRef was just asked for is kept until the turn ends, what finished promises hold for one more
  await sleep(2)
  collectNow()
}

/** Node's `gc` without its option `--expose-gc`, which nobody who tests a plugin should have to know. */
function collector(): () => void {
  v8.setFlagsFromString('--expose-gc')
  const gc: unknown = vm.runInNewContext('gc')
  if (typeof gc !== 'function') throw new Error('V8 gave no gc()')
  return () => void gc()
}
