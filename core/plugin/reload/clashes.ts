import { OpsError } from '../../errors.ts'
import type { ReloadReport } from './announce.ts'
import type { Cause } from './cause.ts'
import type { Scan } from './plan.ts'

/** Tells once of each folder that is left out because another one has its name. */
export class Clashes {
  readonly #report: (report: ReloadReport) => void
  #told: ReadonlySet<string> = new Set()

  constructor(report: (report: ReloadReport) => void) {
    this.#report = report
  }

  tell(clashes: Scan['clashes'], cause: Cause): void {
    const told = this.#told
    this.#told = new Set(clashes.map(([, second]) => second.dir))
    for (const [first, second] of clashes) {
      if (told.has(second.dir)) continue
      const error = new OpsError(
        'OPS_PLUGIN_CONFLICT',
        `Two folders hold a plugin named ${first.name}: ${first.dir} serves, ${second.dir} is left out`,
        {
          hint: 'Rename or remove one of them.',
          details: { plugin: first.name, file: second.dir },
        },
      )
      const hashes = { before: undefined, after: undefined }
      this.#report({
        plugin: first.name,
        action: 'abort',
        ...hashes,
        ms: 0,
        steps: {},
        cause,
        error,
      })
    }
  }
}
