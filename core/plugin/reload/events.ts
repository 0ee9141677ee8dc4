import type { Generation, Quarantine } from '../generation/generation.ts'
import type { ReloadReport } from './announce.ts'

/** What a reload did, for whoever watches: menus, the audit, the playground's banner, tests. */
export interface ReloadEvents {
  committed: [generation: Generation, reports: readonly ReloadReport[]]
  aborted: [report: ReloadReport]
  quarantined: [plugin: string, reason: Quarantine]
  /** Its folder is gone, and no version of it served. */
  forgotten: [plugin: string]
}
