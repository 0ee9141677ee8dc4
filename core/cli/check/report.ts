import { OpsError } from '../../errors.ts'
import { indented } from '../print.ts'

type Verdict = 'good' | 'bad' | 'advice'

const signs = { good: '✔', bad: '✖', advice: '!' } as const satisfies Record<Verdict, string>

/** What was found out about one plugin, in the order of the checks. */
export class Report {
  readonly #lines: string[] = []
  #failed = false

  /** Something is wrong that would keep the plugin from working. */
  get failed(): boolean {
    return this.#failed
  }

  good(what: string): void {
    this.#add('good', what)
  }

  /** Works, and could be better. */
  advice(what: string, detail?: string): void {
    this.#add('advice', what, detail)
  }

  bad(what: string, detail?: string): void {
    this.#failed = true
    this.#add('bad', what, detail)
  }

  /** A coded error with its lines at fault and what to do about it. Others are thrown on. */
  error(what: string, error: unknown): void {
    if (!(error instanceof OpsError)) throw error
    const { frame } = error.details
    const shown = typeof frame === 'string' && !error.message.includes(frame) ? [frame] : []
    this.bad(what, [`${error.code}: ${error.message}`, ...shown, `→ ${error.hint}`].join('\n'))
  }

  toString(): string {
    return this.#lines.join('\n')
  }

  #add(verdict: Verdict, what: string, detail?: string): void {
    this.#lines.push(`  ${signs[verdict]} ${what}`)
    if (detail !== undefined) this.#lines.push(indented(detail))
  }
}
