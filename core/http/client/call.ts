import type { HttpResponse } from './response.ts'

export interface HttpOptions {
  /** Default GET. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Added to the address. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. */
  readonly json?: unknown
  readonly body?: string | Uint8Array
  /** What statistics call the other side; default: its host. */
  readonly service?: string
  /** What one attempt has in all, ms; default 10,000. */
  readonly timeoutMs?: number
  /** Attempts, waits and all, end by then, ms; default 30,000. */
  readonly patienceMs?: number
  /** Further attempts; default 2. Which failures are repeated depends on method and answer. */
  readonly retries?: number
  /** The call may be made twice, though its method says otherwise: it carries a key against that. */
  readonly repeatable?: boolean
  /** The address comes from a person: only the public internet may be reached by it. */
  readonly publicOnly?: boolean
  /** Answers that are larger are refused; default 10 MB. */
  readonly maxBytes?: number
  /** `false`: answers from 400 up are returned too; default they are thrown. */
  readonly throwOnStatus?: boolean
  readonly signal?: AbortSignal
}

/** What holds for all calls of a client of another kind; method, headers and body are its own. */
export type FetchLikeOptions = Omit<
  HttpOptions,
  'method' | 'headers' | 'query' | 'json' | 'body' | 'throwOnStatus' | 'signal'
>

/** `fetch` as browsers and Node have it. */
export type FetchLike = (
  input: string | URL | Request,
  init?: RequestInit & { readonly duplex?: 'half' },
) => Promise<Response>

/** A call that some other client made, for the log of calls. */
export interface RecordedCall {
  readonly service: string
  readonly method: string
  readonly url: string
  readonly status?: number
  readonly ms: number
  readonly attempt?: number
  readonly sentBytes?: number
  readonly receivedBytes?: number
  readonly errorCode?: string
}

/** Calls to other services: limited, repeated where that can't hurt, and on record. */
export interface HttpClient {
  /**
   * @throws OPS_API_STATUS, OPS_API_TIMEOUT, OPS_API_UNREACHABLE, OPS_API_TOO_LARGE, OPS_API_ADDRESS, OPS_API_REDIRECT,
   * OPS_API_CIRCUIT; the signal's reason when it is aborted
   */
  fetch(url: string | URL, options?: HttpOptions): Promise<HttpResponse>
  /**
   * The same for clients of other kinds that take a `fetch` of one's own (gaxios, and with it Google's, octokit): what they call is
   * limited, repeated, on record and stubbed as `fetch`'s own. Answers of whatever status are returned.
   */
  asFetch(options?: FetchLikeOptions): FetchLike
  /** Puts on record what another client called, as `fetch` does with its own. Never throws. */
  record(call: RecordedCall): void
}

/** One attempt, as `api_logs` keeps it. */
export interface ApiLogRow extends RecordedCall {
  readonly plugin: string
  readonly attempt: number
  readonly at: Date
}

/** Who calls. */
export interface Caller {
  readonly plugin: string
  readonly signal: AbortSignal
  /** Called before a call that must not simply be made again. */
  readonly onUnsafeCall?: () => void
}
