import { createHook } from 'node:async_hooks'
import { OpsError } from '../../errors.ts'
import type { PluginPosition } from '../../plugin/code/stack.ts'
import { collectGarbage } from './garbage.ts'
import { Listeners } from './listeners.ts'
import type { LogLine } from './log.ts'

/** What can stay alive after the code that opened it: timers, sockets, servers, watchers, processes. */
const kinds: ReadonlySet<string> = new Set([
  'Timeout',
  'TCPWRAP',
  'TCPSERVERWRAP',
  'TLSWRAP',
  'PIPEWRAP',
  'PIPESERVERWRAP',
  'UDPWRAP',
  'FSEVENTWRAP',
  'STATWATCHER',
  'PROCESSWRAP',
  'WORKER',
  'MESSAGEPORT',
  'SIGNALWRAP',
])

/** How long things may take to close, ms. */
const closingMs = 1_000

/** What plugin code has opened while this watches, and what of it is still open. */
export class Leftovers {
  readonly #open = new Map<number, string>()
  readonly #listeners: Listeners
  readonly #hook: ReturnType<typeof createHook>

  /** @param placeOf the line of plugin code that an error comes from */
  constructor(placeOf: (error: Error) => PluginPosition | undefined) {
    this.#listeners = new Listeners(() => placeOf(deepError()))
    this.#hook = createHook({
      init: (id, kind) => {
        if (!kinds.has(kind)) return
        const place = placeOf(deepError())
        if (place === undefined) return
        const { plugin, file, line, column } = place
        this.#open.set(id, `${kind} of ${plugin}, made at ${file}:${line}:${column}`)
      },
      destroy: (id) => void this.#open.delete(id),
    })
  }

  start(): void {
    this.#hook.enable()
    this.#listeners.start()
  }

  stop(): void {
    this.#hook.disable()
    this.#listeners.stop()
  }

  /** How many of each are open: by kind and line. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map(this.#listeners.counts())
    for (const what of this.#open.values()) counts.set(what, (counts.get(what) ?? 0) + 1)
    return counts
  }
}

/**
 * Runs `reload` three times and compares what is open after the first and after the last: a version that
 * cleans up behind itself leaves as much as it found.
 *
 * @throws OPS_TEST_LEFTOVERS naming what has grown, and where it was made
 */
export async function expectNoGrowth(
  leftovers: Leftovers,
  reload: () => Promise<void>,
): Promise<void> {
  leftovers.start()
  try {
    await reload()
    const once = leftovers.counts()
    const listenersOnce = processListeners()
    await reload()
    await reload()
    const grown = () => {
      const named = growth(once, leftovers.counts())
      // what a package puts there in a turn of its own has no line of the plugin
      const others = growth(listenersOnce, processListeners())
        .filter((type) => !named.some((what) => what.includes(`'${type}' on process`)))
        .map((type) => `listener of process '${type}'`)
      return [...named, ...others]
    }
    const ends = performance.now() + closingMs
    // a closed handle is reported in a later turn of the loop, an emitter of the plugin's own has to be collected
    while (grown().length > 0 && performance.now() < ends) await collectGarbage()
    const left = grown()
    if (left.length > 0) throw leftBehind(left)
  } finally {
    leftovers.stop()
  }
}

/** The code of a version of a plugin, as long as anything holds it. */
export interface VersionLife {
  readonly plugin: string
  readonly life: WeakRef<object> | undefined
}

/**
 * Waits until the code of replaced versions was collected.
 *
 * @throws OPS_TEST_LEFTOVERS when something still holds a function of one of them
 */
export async function expectCollected(replaced: readonly VersionLife[]): Promise<void> {
  const held = () => replaced.filter(({ life }) => life?.deref() !== undefined)
  const ends = performance.now() + closingMs
  while (held().length > 0 && performance.now() < ends) await collectGarbage()
  const left = new Set(held().map(({ plugin }) => plugin))
  if (left.size === 0) return
  throw leftBehind(
    [...left].map((plugin) => {
      const count = held().filter((one) => one.plugin === plugin).length
      return `${count} replaced version${count === 1 ? '' : 's'} of ${plugin} in memory`
    }),
    'Something outside of the plugin holds a function or an object of it: a global, a package or another plugin that it was handed to. Give it back in scope.onDispose.',
  )
}

/** What is said of an interval that a version left running, from the log's line about it. */
export function forgottenError({ fields: { plugin, what, file, line } }: LogLine): OpsError {
  return leftBehind([
    `${String(what)} of ${String(plugin)}, made at ${String(file)}:${String(line)}`,
  ])
}

function leftBehind(left: readonly string[], hint?: string): OpsError {
  return new OpsError('OPS_TEST_LEFTOVERS', `Reloads leave behind: ${left.join('; ')}`, {
    details: { left },
    ...(hint === undefined ? {} : { hint }),
  })
}

function growth(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): readonly string[] {
  return [...after].flatMap(([what, count]) => (count > (before.get(what) ?? 0) ? [what] : []))
}

function processListeners(): ReadonlyMap<string, number> {
  return new Map(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))
}

/** An error that holds the whole stack: plugin code may stand far below a library that it calls. */
function deepError(): Error {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 50
  try {
    return new Error('made')
  } finally {
    Error.stackTraceLimit = limit
  }
}
