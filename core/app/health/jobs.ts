import type { HealthResult } from '../../http/health.ts'
import type { JobHolds } from '../../job/holds.ts'
import type { Generation } from '../../plugin/generation/generation.ts'

/** Whether kinds of jobs of live plugins wait because one after another of them failed. */
export function jobsCheck(
  { plugins }: Pick<Generation, 'plugins'>,
  holds: Pick<JobHolds, 'isHeld'>,
): HealthResult {
  const kinds = [...plugins.values()].flatMap(({ jobs }) => [...jobs.values()])
  const held = kinds.filter((definition) => holds.isHeld(definition)).length
  if (held === 0) return { status: 'up' }
  return {
    status: 'degraded',
    detail: `OPS_JOBS_HELD: ${held} ${held === 1 ? 'kind' : 'kinds'} of jobs`,
  }
}
