import type { z } from 'zod'
import { messageOf, OpsError } from '../../errors.ts'
import type { Incoming } from './exchange.ts'

/** What a service answered, read to its end. */
export class HttpResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** Where it came from, after redirects; secrets taken out. */
  readonly url: string

  constructor({ status, headers, body }: Incoming, url: string) {
    this.status = status
    this.headers = headers
    this.body = body
    this.url = url
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  text(): string {
    return this.body.toString('utf8')
  }

  /**
   * Its JSON, as the schema makes it.
   *
   * @throws OPS_API_BODY when it is no JSON, by its type or by itself, or doesn't fit
   */
  json<T>(schema: z.ZodType<T>): T {
    const type = this.headers['content-type'] ?? ''
    if (type !== '' && !/[/+]json\b/i.test(type)) {
      throw this.#refuse(`it is ${type}`)
    }
    let value: unknown
    try {
      value = JSON.parse(this.text())
    } catch (error) {
      throw this.#refuse(messageOf(error))
    }
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    const [issue] = parsed.error.issues
    throw this.#refuse(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, parsed.error)
  }

  #refuse(why: string, cause?: unknown): OpsError {
    return new OpsError('OPS_API_BODY', `The answer of ${this.url} is not as expected: ${why}`, {
      ...(cause === undefined ? {} : { cause }),
      details: { status: this.status },
    })
  }
}
