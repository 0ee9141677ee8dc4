import { OpsError } from '../errors.ts'
import { contextFor, type LiveContext } from '../plugin/context.ts'
import type { Next } from '../plugin/manifest.ts'
import type { MiddlewareRoute } from '../plugin/routes.ts'
import type { UpdateRun } from '../plugin/run.ts'

type Run = (ctx: LiveContext, next: Next) => unknown

/**
 * Runs middleware one around the other, the last around `end`. Each sees the update through its own
 * plugin's view. Resolves to whether `end` was reached.
 */
export async function runChain(
  run: UpdateRun,
  chain: readonly MiddlewareRoute[],
  end: () => Promise<void>,
): Promise<boolean> {
  const walk = { run, chain, end, last: -1 }
  await step(walk, 0)
  return walk.last === chain.length
}

interface Walk {
  readonly run: UpdateRun
  readonly chain: readonly MiddlewareRoute[]
  readonly end: () => Promise<void>
  /** The furthest step that was taken. */
  last: number
}

async function step(walk: Walk, index: number): Promise<void> {
  if (index <= walk.last) {
    throw new OpsError('OPS_NEXT_TWICE', 'A middleware called next() more than once')
  }
  walk.last = index
  const link = walk.chain[index]
  if (link === undefined) return walk.end()
  // the manifest typed it against this context; the route only forgot its plugin's types
  const run = link.middleware.run as Run
  await run(contextFor(walk.run, link.instance), () => step(walk, index + 1))
}
