import { OpsError } from '../errors.ts'
import { contextFor, type LiveContext } from '../plugin/context.ts'
import type { Next } from '../plugin/manifest.ts'
import type { MiddlewareRoute } from '../plugin/routes.ts'

type Run = (ctx: LiveContext, next: Next) => unknown

/**
 * Runs middleware one around the other, the last around `end`. Each sees the update through its own
 * plugin's view. Resolves to whether `end` was reached.
 */
export async function runChain(
  ctx: LiveContext,
  chain: readonly MiddlewareRoute[],
  end: () => Promise<void>,
): Promise<boolean> {
  let reached = false
  let last = -1
  const step = async (index: number): Promise<void> => {
    if (index <= last) {
      throw new OpsError('OPS_NEXT_TWICE', 'A middleware called next() more than once')
    }
    last = index
    const link = chain[index]
    if (link === undefined) {
      reached = true
      return end()
    }
    // the manifest typed it against this context; the route only forgot its plugin's types
    const run = link.middleware.run as Run
    await run(contextFor(ctx, link.instance), () => step(index + 1))
  }
  await step(0)
  return reached
}
