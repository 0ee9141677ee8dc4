import { createHash, randomBytes } from 'node:crypto'
import type { Database } from '../../database/connection.ts'

/** What a request to the HTTP API was answered with. */
export interface ApiAnswer {
  readonly status: number
  /** Parsed JSON; undefined for an empty body. */
  readonly body: unknown
  readonly headers: Headers
}

export interface ApiClientParts {
  readonly url: () => string
  readonly database: Database
  /** Telegram id of whose token it uses. */
  readonly person: number
  /** Resolves when everybody who was added is in the database. */
  readonly arrived: () => Promise<void>
}

/** The HTTP API as a person's program sees it, with a token of theirs that was made for the test. */
export class ApiClient {
  readonly #parts: ApiClientParts
  #token: Promise<string> | undefined

  constructor(parts: ApiClientParts) {
    this.#parts = parts
  }

  get(path: string): Promise<ApiAnswer> {
    return this.#send('GET', path)
  }

  post(path: string, body: unknown = {}): Promise<ApiAnswer> {
    return this.#send('POST', path, body)
  }

  put(path: string, body: unknown = {}): Promise<ApiAnswer> {
    return this.#send('PUT', path, body)
  }

  patch(path: string, body: unknown = {}): Promise<ApiAnswer> {
    return this.#send('PATCH', path, body)
  }

  delete(path: string): Promise<ApiAnswer> {
    return this.#send('DELETE', path)
  }

  async #send(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    this.#token ??= this.#makeToken()
    const response = await fetch(`${this.#parts.url()}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      body: text === '' ? undefined : JSON.parse(text),
      headers: response.headers,
    }
  }

  /** As `/token new` does. */
  async #makeToken(): Promise<string> {
    const { database, person, arrived } = this.#parts
    await arrived()
    const id = randomBytes(5).toString('hex')
    const token = `ops_${id}_${randomBytes(32).toString('base64url')}`
    const hash = createHash('sha256').update(token).digest('hex')
    await database.query(
      `insert into api_tokens (id, person, name, hash, expires_at) values ($1, $2, $3, $4, '9999-12-31')`,
      [id, person, `test-${id}`, hash],
    )
    return token
  }
}
