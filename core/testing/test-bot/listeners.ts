import { EventEmitter, getEventListeners } from 'node:events'
import type { PluginPosition } from '../../plugin/code/stack.ts'

interface PutListener {
  readonly emitter: WeakRef<EventEmitter | EventTarget>
  readonly type: string | symbol
  readonly listener: WeakRef<object>
  readonly what: string
}

/** All ways to put a listener on an emitter of Node; the others call these. */
const emitterMethods = ['on', 'addListener', 'prependListener'] as const

/** The listeners that plugin code puts on emitters while this watches, whosever those are. */
export class Listeners {
  readonly #placeOf: () => PluginPosition | undefined
  readonly #put: PutListener[] = []
  #undo: (() => void)[] = []

  /** @param placeOf the line of plugin code that runs now */
  constructor(placeOf: () => PluginPosition | undefined) {
    this.#placeOf = placeOf
  }

  start(): void {
    const noted = (emitter: EventEmitter | EventTarget, type: unknown, listener: unknown) =>
      this.#note(emitter, type, listener)
    const { prototype } = EventEmitter
    for (const name of emitterMethods) {
      const original = prototype[name]
      prototype[name] = function (this: EventEmitter, type, listener) {
        noted(this, type, listener)
        return original.call(this, type, listener)
      }
      this.#undo.push(() => Object.assign(prototype, { [name]: original }))
    }
    const { addEventListener } = EventTarget.prototype
    EventTarget.prototype.addEventListener = function (this: EventTarget, type, listener, options) {
      noted(this, type, listener)
      addEventListener.call(this, type, listener, options)
    }
    this.#undo.push(() => Object.assign(EventTarget.prototype, { addEventListener }))
  }

  stop(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo()
  }

  /** How many of each are still there, by what and line; on emitters that are there themselves. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const put of this.#put) {
      if (isPut(put)) counts.set(put.what, (counts.get(put.what) ?? 0) + 1)
    }
    return counts
  }

  #note(emitter: EventEmitter | EventTarget, type: unknown, listener: unknown): void {
    if (typeof type !== 'string' && typeof type !== 'symbol') return
    // an EventTarget takes an object with handleEvent, too
    if (typeof listener !== 'function' && (typeof listener !== 'object' || listener === null))
      return
    const place = this.#placeOf()
    if (place === undefined) return
    const { plugin, file, line, column } = place
    const on = emitter === process ? 'process' : emitter.constructor.name
    this.#put.push({
      emitter: new WeakRef(emitter),
      type,
      listener: new WeakRef(listener),
      what: `listener of ${plugin} for '${String(type)}' on ${on}, made at ${file}:${line}:${column}`,
    })
  }
}

function isPut({ emitter, type, listener }: PutListener): boolean {
  const on = emitter.deref()
  const put = listener.deref()
  if (on === undefined || put === undefined) return false
  const all: readonly unknown[] =
    on instanceof EventEmitter ? on.rawListeners(type) : getEventListeners(on, String(type))
  return all.includes(put)
}
