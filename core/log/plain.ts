import { OpsError } from '../errors.ts'
import { isSecretName, type Redactor, redacted } from './redact.ts'

/** Bounds of one log line; what is longer is cut and says so. */
const bounds = { text: 8_192, items: 100, depth: 8, nodes: 2_000, causes: 5 }

/** What JSON can hold. */
export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain }

/**
 * Any value as one that JSON can hold: bounded in size, safe against cycles, throwing getters and
 * bigints, errors with their causes, and nowhere in it a secret. Never throws.
 */
export function toPlain(value: unknown, redact: Redactor): Plain {
  return new Flattener(redact).plain(value, 0)
}

class Flattener {
  readonly #redact: Redactor
  /** The objects on the way down to the current one: only these make a cycle. */
  readonly #path = new Set<object>()
  #nodes = 0

  constructor(redact: Redactor) {
    this.#redact = redact
  }

  plain(value: unknown, depth: number): Plain {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return Number.isFinite(value) ? value : String(value)
      case 'boolean':
        return value
      case 'bigint':
        return String(value)
      case 'undefined':
        return null
      case 'symbol':
        return this.#text(String(value))
      case 'function':
        return `[function ${this.#text(value.name)}]`
      default:
        return typeof value === 'object' && value !== null ? this.#object(value, depth) : null
    }
  }

  #text(text: string): string {
    // cut before the search for secrets (its cost), and again after it: a half secret at the first cut goes
    const clean = this.#redact(
      text.length > bounds.text * 2 ? text.slice(0, bounds.text * 2) : text,
    )
    if (clean.length <= bounds.text) return clean
    return `${clean.slice(0, bounds.text)}… (${text.length} characters)`
  }

  #object(value: object, depth: number): Plain {
    if (this.#path.has(value)) return '[circular]'
    if (depth >= bounds.depth) return '[deeper]'
    if (++this.#nodes > bounds.nodes) return '[more]'
    this.#path.add(value)
    try {
      return this.#contents(value, depth)
    } catch {
      return '[unreadable]'
    } finally {
      this.#path.delete(value)
    }
  }

  #contents(value: object, depth: number): Plain {
    if (value instanceof Error) return this.#error(value, depth)
    if (value instanceof Date) return Number.isNaN(+value) ? 'Invalid Date' : value.toISOString()
    if (ArrayBuffer.isView(value)) return `[${value.constructor.name} of ${value.byteLength} bytes]`
    if (value instanceof Map) {
      return this.#fields([...value.keys()], String, (key) => value.get(key), depth)
    }
    if (Array.isArray(value)) return this.#items(value, depth)
    if (value instanceof Set) return this.#items([...value], depth)
    if ('toJSON' in value && typeof value.toJSON === 'function') {
      return this.plain(value.toJSON(), depth + 1)
    }
    return this.#fields(Object.keys(value), String, (key) => Reflect.get(value, key), depth)
  }

  #fields<K>(
    keys: readonly K[],
    nameOf: (key: K) => string,
    read: (key: K) => unknown,
    depth: number,
  ): { [key: string]: Plain } {
    const plain: { [key: string]: Plain } = {}
    for (const key of keys.slice(0, bounds.items)) {
      const name = nameOf(key)
      const value = this.#read(() => read(key))
      // undefined is what JSON leaves out, too
      if (value !== undefined) plain[this.#text(name)] = this.#field(name, value, depth)
    }
    if (keys.length > bounds.items) plain['…'] = `${keys.length} fields`
    return plain
  }

  #field(name: string, value: unknown, depth: number): Plain {
    if (isSecretName(name) && value !== null && typeof value !== 'boolean') {
      // `tokens: 5` counts something, `tokens: ['…']` are some
      return typeof value === 'number' && name.endsWith('s') ? value : redacted
    }
    return this.plain(value, depth + 1)
  }

  #read(get: () => unknown): unknown {
    try {
      return get()
    } catch {
      return '[unreadable]'
    }
  }

  /** Chosen fields only: Telegraf's and undici's errors carry whole requests, with texts and tokens. */
  #error(error: Error, depth: number): Plain {
    const fields: Record<string, unknown> = { name: error.name }
    for (const name of ['code', 'message', 'constraint', 'table', 'column']) {
      const value = this.#read(() => Reflect.get(error, name))
      if (value !== undefined && value !== '') fields[name] = value
    }
    if (error instanceof OpsError) {
      fields.hint = error.hint
      if (Object.keys(error.details).length > 0) fields.details = error.details
    }
    fields.stack = error.stack
    if (this.#path.size <= bounds.causes) {
      if (error.cause !== undefined) fields.cause = error.cause
      if (error instanceof AggregateError) fields.errors = error.errors.slice(0, bounds.causes)
    }
    return this.#fields(Object.keys(fields), String, (key) => fields[key], depth)
  }

  #items(items: readonly unknown[], depth: number): Plain[] {
    const plain = items.slice(0, bounds.items).map((item) => this.plain(item, depth + 1))
    if (items.length > bounds.items) plain.push(`… (${items.length} items)`)
    return plain
  }
}
