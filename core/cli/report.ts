import { OpsError } from '../errors.ts'
import { indented } from './print.ts'

/** `good`: in order; `advice`: works, and could be better; `bad`: has to be mended. */
export type Verdict = 'good' | 'bad' | 'advice'

const signs = { good: '✔', bad: '✖', advice: '!' } as const satisfies Record<Verdict, string>

/** One thing that was found out. */
export interface Finding {
  readonly verdict: Verdict
  readonly what: string
  /** Why, where, what to do. */
  readonly detail?: string
  /** An `OPS_…` code, when it is an error. */
  readonly code?: string
}

/** What was found out about one thing, in the order of the checks. */
export class Report {
  readonly #findings: Finding[] = []

  get findings(): readonly Finding[] {
    return this.#findings
  }

  /** Whether something has to be mended. */
  get failed(): boolean {
    return this.#findings.some(({ verdict }) => verdict === 'bad')
  }

  good(what: string): void {
    this.#add('good', what)
  }

  /** Works, and could be better. */
  advice(what: string, detail?: string): void {
    this.#add('advice', what, detail)
  }

  bad(what: string, detail?: string): void {
    this.#add('bad', what, detail)
  }

  /** A coded error with its lines at fault and what to do about it. Others are thrown on. */
  error(what: string, error: unknown): void {
    if (!(error instanceof OpsError)) throw error
    const { frame } = error.details
    const shown = typeof frame === 'string' && !error.message.includes(frame) ? [frame] : []
    const detail = [`${error.code}: ${error.message}`, ...shown, `→ ${error.hint}`].join('\n')
    this.#add('bad', what, detail, error.code)
  }

  toString(): string {
    return this.#findings
      .flatMap(({ verdict, what, detail }) => [
        `  ${signs[verdict]} ${what}`,
        ...(detail === undefined ? [] : [indented(detail)]),
      ])
      .join('\n')
  }

  #add(verdict: Verdict, what: string, detail?: string, code?: string): void {
    this.#findings.push({
      verdict,
      what,
      ...(detail !== undefined && { detail }),
      ...(code !== undefined && { code }),
    })
  }
}
