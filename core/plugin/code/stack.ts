import { shownPath } from './folder.ts'
import { SourcePositions } from './position.ts'
import type { Position } from './problem.ts'

/** A frame of plugin code: which plugin runs it and where in its source. */
export interface PluginPosition extends Position {
  /** The plugin in whose bundle the code runs, also if the file lies in a shared `_` folder. */
  readonly plugin: string
}

/** What of a build is needed to map its frames. */
export interface MappedCode {
  readonly name: string
  readonly dir: string
  readonly root: string
  readonly map: string
  readonly headerWidth: number
}

/** Late errors of just retired code still map; older ones show the raw frame. */
const RETIRED_KEPT = 32

/** Matches a raw frame of evaluated plugin code: its script name, line, column. */
const RAW_FRAME = /opsgram-plugin:[a-zA-Z0-9_-]+@[0-9a-f-]+(?=:(\d+):(\d+))/
const RAW_FRAMES = new RegExp(`(${RAW_FRAME.source}):\\d+:\\d+`, 'g')

interface Entry {
  readonly code: MappedCode
  readonly positions: SourcePositions
}

/**
 * Knows the source maps of one app's plugin code, and so leads from an error to the plugin and the line.
 * While {@link installStacks} holds it, `error.stack` itself shows the saved source:
 * `at run (plugins/worklog/sheets.ts:12:5)`.
 */
export class PluginStacks {
  readonly #entries = new Map<string, Entry>()
  readonly #retired: string[] = []
  readonly #places = new WeakMap<object, PluginPosition>()

  /** @param script the name under which V8 knows the code, see {@link scriptName} */
  add(script: string, code: MappedCode): void {
    this.#entries.set(script, { code, positions: new SourcePositions(code.map, code.root) })
  }

  /** The code is no longer live: its map is dropped after {@link RETIRED_KEPT} others. */
  retire(script: string): void {
    if (!this.#entries.has(script) || this.#retired.includes(script)) return
    this.#retired.push(script)
    for (const old of this.#retired.splice(0, this.#retired.length - RETIRED_KEPT)) {
      this.#entries.delete(old)
    }
  }

  /** How many maps are held. */
  get size(): number {
    return this.#entries.size
  }

  /** Raw frames of this app's plugins in a stack become places in the saved source. */
  mapped(stack: string): string {
    return stack.replace(RAW_FRAMES, (raw, script: string, line: string, column: string) => {
      const found = this.#find(script, Number(line), Number(column))
      if (!found) return raw
      const { entry, at } = found
      return `${shownPath(entry.code.root, at.file)}:${at.line}:${at.column}`
    })
  }

  /** Remembers for a formatted error what its text alone no longer tells. */
  note(error: object, stack: string): void {
    const place = this.#topRaw(stack)
    if (place) this.#places.set(error, place)
  }

  /**
   * The topmost frame of plugin code in an error, or else in what caused it; frames of Node, packages and
   * the core above it don't count, as they work for the plugin that called them.
   */
  locationOf(error: unknown): PluginPosition | undefined {
    const errors = new Set<unknown>([error])
    // a set that grows while it is walked: causes are looked at once, also when they form a circle
    for (const each of errors) {
      if (!(each instanceof Error)) continue
      const stack = String(each.stack) // reading it formats it, and so notes its place
      const place = this.#places.get(each) ?? this.#topRaw(stack)
      if (place) return place
      errors.add(each.cause)
      if (each instanceof AggregateError) for (const inner of each.errors) errors.add(inner)
    }
    return undefined
  }

  /** The plugin to which an error, or the text of a stack, belongs. */
  pluginOf(errorOrStack: unknown): string | undefined {
    if (typeof errorOrStack !== 'string') return this.locationOf(errorOrStack)?.plugin
    return this.#topRaw(errorOrStack)?.plugin ?? this.#topShown(errorOrStack)
  }

  #topRaw(stack: string): PluginPosition | undefined {
    for (const frame of framesOf(stack)) {
      const [script, line, column] = RAW_FRAME.exec(frame) ?? []
      const found = script && this.#find(script, Number(line), Number(column))
      if (found) return { ...found.at, plugin: found.entry.code.name }
    }
    return undefined
  }

  /** For a stack that was mapped already: by the folder that the frame shows. */
  #topShown(stack: string): string | undefined {
    const plugins = [...this.#entries.values()].map(({ code }) => code)
    for (const frame of framesOf(stack)) {
      const file = /([^\s()]+):\d+:\d+\)?$/.exec(frame)?.[1] ?? ''
      const owner = plugins.find(({ root, dir }) => file.startsWith(`${shownPath(root, dir)}/`))
      if (owner) return owner.name
    }
    return undefined
  }

  #find(script: string, line: number, column: number) {
    const entry = this.#entries.get(script)
    if (!entry) return undefined
    // the wrapper's header shares line 1 with the bundle
    const at = entry.positions.at(line, line === 1 ? column - entry.code.headerWidth : column)
    return at && { entry, at }
  }
}

function framesOf(stack: string): string[] {
  return stack.split('\n').filter((line) => /^\s+at /.test(line))
}

/** Marks our hook and holds who uses it: V8 has one hook a process, so that is where the count is kept. */
const USERS = Symbol.for('opsgram.stacks')

interface Hook {
  (error: Error, frames: NodeJS.CallSite[]): unknown
  readonly [USERS]: Set<PluginStacks>
  readonly before: typeof Error.prepareStackTrace
}

/**
 * Makes `error.stack` of plugin code show the saved source. Chained to the hook that was there before
 * (Node's own, which maps the core's frames under tsx); several apps share one hook.
 * @returns the undo; the earlier hook comes back with the last one
 */
export function installStacks(stacks: PluginStacks): () => void {
  const current = Error.prepareStackTrace
  const hook = isOurs(current) ? current : hookOver(current)
  hook[USERS].add(stacks)
  Error.prepareStackTrace = hook
  return () => {
    hook[USERS].delete(stacks)
    // with another hook set above ours nothing can be taken out: ours only passes through then
    if (hook[USERS].size > 0 || Error.prepareStackTrace !== hook) return
    Error.prepareStackTrace = hook.before
  }
}

function hookOver(before: typeof Error.prepareStackTrace): Hook {
  const users = new Set<PluginStacks>()
  const hook = (error: Error, frames: NodeJS.CallSite[]): unknown => {
    // early releases of Node 24 have no hook of their own
    const text: unknown =
      typeof before === 'function' ? before(error, frames) : plainStack(error, frames)
    if (typeof text !== 'string' || !text.includes('opsgram-plugin:')) return text
    let mapped = text
    for (const stacks of users) {
      stacks.note(error, text)
      mapped = stacks.mapped(mapped)
    }
    return mapped
  }
  return Object.assign(hook, { [USERS]: users, before })
}

function isOurs(hook: unknown): hook is Hook {
  return typeof hook === 'function' && USERS in hook
}

function plainStack(error: Error, frames: NodeJS.CallSite[]): string {
  return [String(error), ...frames.map((frame) => `    at ${frame}`)].join('\n')
}
