import { OpsError } from '../errors.ts'
import { asCore, asPlugin } from '../plugin/code/owner.ts'
import type { MiddlewareRoute } from '../plugin/generation/routes.ts'
import type { Next } from '../plugin/manifest/middleware.ts'
import { contextFor, type LiveContext } from '../plugin/run/context.ts'
import type { UpdateRun } from '../plugin/run/run.ts'

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
  const walk = { run, chain, end, last: -1, ended: false }
  await step(walk, 0)
  return walk.ended
}

interface Walk {
  readonly run: UpdateRun
  readonly chain: readonly MiddlewareRoute[]
  readonly end: () => Promise<void>
  /** The furthest step that was taken. */
  last: number
  ended: boolean
}

async function step(walk: Walk, index: number): Promise<void> {
  const { run, chain } = walk
  if (index <= walk.last) {
    const { instance, middleware } = chain[index - 1] ?? {}
    throw new OpsError(
      'OPS_NEXT_TWICE',
      `The ${middleware?.phase} middleware of plugin ${instance?.name} called next() more than once`,
    )
  }
  walk.last = index
  // who refuses and calls next() all the same lets nobody through
  if (run.refused !== undefined) return
  const link = chain[index]
  if (link === undefined) {
    walk.ended = true
    run.middlewareOf = undefined
    return walk.end()
  }
  const { name } = link.instance
  run.middlewareOf = name
  // the manifest typed it against this context; the route only forgot its plugin's types
  const middleware = link.middleware.run as Run
  await asPlugin(name, () =>
    middleware(contextFor(run, link.instance), async () => {
      // the next link is a plugin's anyway
      if (index + 1 < chain.length) await step(walk, index + 1)
      else await asCore(() => step(walk, index + 1))
      // not reached by a throw: whose it was stays known
      run.middlewareOf = name
    }),
  )
}
