/** Which calls a fault hits, and how often. */
export interface FaultTarget {
  /** A method's name in any case, or a pattern; none: every method. */
  method?: string | RegExp
  /** Only calls with this `chat_id`. */
  chat?: number
  /** How many calls it hits before it is used up; none: until removed. */
  times?: number
}

/**
 * What goes wrong. `when: 'after'` lets the call take effect first: the message is sent, only its
 * answer is lost, which is what makes a repeat dangerous.
 */
export type FaultKind =
  | { kind: '429' /** Seconds. */; retryAfter: number }
  | { kind: '5xx'; status?: number; when?: 'before' | 'after' }
  | {
      kind: 'error'
      status: number
      description: string
      parameters?: { retry_after?: number; migrate_to_chat_id?: number }
    }
  /** The socket is destroyed. */
  | { kind: 'reset'; when?: 'before' | 'after' }
  /** No answer ever comes; the socket stays open until the fake closes. */
  | { kind: 'hang'; when?: 'before' | 'after' }
  /** The call is held back first. */
  | { kind: 'latency'; ms: number }
  /** 200 with a page in place of JSON, as a proxy in between would send. */
  | { kind: 'garbage'; when?: 'before' | 'after' }
  /** Of getUpdates: what it hands out comes a second time, though confirmed. */
  | { kind: 'duplicate' }

export type FaultSpec = FaultTarget & FaultKind

export interface Fault {
  readonly spec: FaultSpec
  /** Calls hit so far. */
  readonly hits: number
  remove(): void
}

/** What a test has set to go wrong. Faults are tried in the order they were added. */
export class Faults {
  readonly #active = new Set<{ spec: FaultSpec; hits: number }>()

  add(spec: FaultSpec): Fault {
    const entry = { spec, hits: 0 }
    this.#active.add(entry)
    return {
      spec,
      get hits() {
        return entry.hits
      },
      remove: () => {
        this.#active.delete(entry)
      },
    }
  }

  clear(): void {
    this.#active.clear()
  }

  /** The faults that hit this call; each counts as used. At most one besides latencies. */
  take(method: string, params: Readonly<Record<string, unknown>>): FaultSpec[] {
    if (this.#active.size === 0) return []
    const hit: FaultSpec[] = []
    for (const entry of this.#active) {
      if (!matches(entry.spec, method, params)) continue
      if (entry.spec.kind !== 'latency' && hit.some((other) => other.kind !== 'latency')) continue
      entry.hits++
      if (entry.hits >= (entry.spec.times ?? Number.POSITIVE_INFINITY)) this.#active.delete(entry)
      hit.push(entry.spec)
    }
    return hit
  }
}

function matches(
  target: FaultTarget,
  method: string,
  params: Readonly<Record<string, unknown>>,
): boolean {
  if (target.chat !== undefined && Number(params.chat_id) !== target.chat) return false
  if (target.method === undefined) return true
  return typeof target.method === 'string'
    ? target.method.toLowerCase() === method.toLowerCase()
    : target.method.test(method)
}
