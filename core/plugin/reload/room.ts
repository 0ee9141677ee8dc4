import { OpsError } from '../../errors.ts'
import { composeGeneration, type Generation } from '../generation/generation.ts'
import type { Live } from '../generation/live.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'

/** The old version of an exclusive plugin may finish its running handlers for so long, ms. */
const drainLimitMs = 30_000

/** Updates of a plugin that is being replaced wait for this. */
export class PluginHeld extends Error {
  /** Resolves when the plugin serves again, or is given up. */
  readonly until: Promise<void>

  constructor(plugin: string, until: Promise<void>) {
    super(`plugin ${plugin} is being replaced`)
    this.until = until
  }
}

/** A plugin that was taken out of service, so that its successor can be set up. */
export interface Room {
  readonly previous: LoadedPlugin
  /** Lets the waiting updates go on; to be called once, after the commit or the giving up. */
  open(): void
}

export interface RoomParts {
  live: Live
  /** Number for a generation in between. */
  nextId: () => number
  /** Resolves when this instance was disposed. */
  disposed: (plugin: LoadedPlugin) => Promise<void>
  /** Resolves when those that it once replaced were disposed. */
  olderDisposed: (name: string) => Promise<void>
}

/**
 * Makes room for the new version of a plugin that can't exist beside the one before: its updates wait in their lanes,
 * its running handlers end, it is disposed. If they don't end in time the old version goes on. Handlers that still
 * run on versions from before that one end first, while it serves.
 *
 * @throws OPS_PLUGIN_BUSY
 */
export async function makeRoom(previous: LoadedPlugin, parts: RoomParts): Promise<Room> {
  const { live } = parts
  if (!(await endsWithin(parts.olderDisposed(previous.name), drainLimitMs))) throw busy(previous)
  const { promise, resolve } = Promise.withResolvers<void>()
  const current = live.current
  const disposed = parts.disposed(previous)
  live.replace(without(current, previous, promise, parts.nextId()))
  if (await endsWithin(disposed, drainLimitMs)) return { previous, open: resolve }
  // still held by a running handler, so nothing of it was disposed
  live.replace(composeGeneration({ ...partsOf(current), id: parts.nextId() }))
  resolve()
  throw busy(previous)
}

function busy({ name }: LoadedPlugin): OpsError {
  return new OpsError(
    'OPS_PLUGIN_BUSY',
    `Handlers of plugin ${name} still run after ${drainLimitMs / 1000} s`,
    { details: { plugin: name } },
  )
}

function without(
  generation: Generation,
  previous: LoadedPlugin,
  until: Promise<void>,
  id: number,
): Generation {
  const parts = partsOf(generation)
  return composeGeneration({
    ...parts,
    id,
    plugins: new Map([...parts.plugins].filter(([name]) => name !== previous.name)),
    waiting: new Map([...parts.waiting].filter(([name]) => name !== previous.name)),
    held: new Map([...parts.held, [previous.name, { plugin: previous, until }]]),
  })
}

function partsOf({ id, plugins, waiting, held, quarantined, accepted, orm }: Generation) {
  return { id, plugins, waiting, held, quarantined, accepted, orm }
}

async function endsWithin(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
