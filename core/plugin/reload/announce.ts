import type { Logger } from '../../log/logger.ts'
import type { KeptBuilds } from '../code/kept-builds.ts'
import { type Generation, instancesOf } from '../generation/generation.ts'
import type { Cause } from './cause.ts'
import type { PluginRecords } from './records.ts'
import type { PlannedChange, ReadyGeneration } from './transaction.ts'

/** What came of a reload for one plugin. */
export interface ReloadReport {
  readonly plugin: string
  /** `last-good`: what lies in the folder failed, and the build before serves. */
  readonly action: 'load' | 'reload' | 'unload' | 'last-good' | 'roll-back' | 'abort'
  /** Hashes of the version that served before and that serves now. */
  readonly before: string | undefined
  readonly after: string | undefined
  /** Of the whole transaction, ms, and of its steps. */
  readonly ms: number
  readonly steps: Readonly<Record<string, number>>
  readonly cause: Cause
  readonly error?: unknown
}

export interface Commit extends ReadyGeneration {
  /** The generation that was live. */
  readonly before: Generation
  readonly changes: readonly PlannedChange[]
  readonly ms: number
  readonly steps: ReloadReport['steps']
  readonly cause: Cause
}

export interface AnnounceParts {
  readonly records: PluginRecords
  readonly kept: KeptBuilds
  readonly log: Logger
}

/** After a commit: notes the new states, keeps the builds, and tells the log. @returns the reports for others */
export function announceCommit(commit: Commit, parts: AnnounceParts): readonly ReloadReport[] {
  const reports = [...loadedReports(commit, parts), ...removedReports(commit, parts)]
  tellWaiting(commit, parts)
  return reports
}

function loadedReports(commit: Commit, { records, kept, log }: AnnounceParts): ReloadReport[] {
  const { before, next, loaded, changes, ms, steps, cause } = commit
  const old = hashesBefore(before)
  return loaded.map(({ name, version, build }) => {
    const change = changes.find((found) => found.name === name)
    const isReload = old.has(name)
    const event = isReload ? 'plugin.reload.committed' : 'plugin.loaded'
    const line = { plugin: name, version, generation: next.id, ms, commitMs: steps.commit }
    const report = { plugin: name, before: old.get(name), after: build.hash, ms, steps, cause }
    if (change?.kept?.why === 'last-good') {
      records.servesLastGood(name)
      log.warn(event, { ...line, lastGood: true })
      return { ...report, action: 'last-good' }
    }
    records.committed(name, change?.hash, ms)
    if (change?.kept !== undefined) {
      log.info(event, { ...line, rolledBack: true })
      return { ...report, action: 'roll-back' }
    }
    log.info(event, line)
    kept.keep(build)
    return { ...report, action: isReload ? 'reload' : 'load' }
  })
}

function removedReports(commit: Commit, { records, log }: AnnounceParts): ReloadReport[] {
  const { before, next, removed, ms, steps, cause } = commit
  const old = hashesBefore(before)
  return removed.flatMap((name) => {
    records.removed(name)
    if (!old.has(name) && !before.waiting.has(name)) return []
    log.info('plugin.unloaded', { plugin: name, generation: next.id })
    const hashes = { before: old.get(name), after: undefined }
    return [{ plugin: name, action: 'unload' as const, ...hashes, ms, steps, cause }]
  })
}

function tellWaiting({ before, next, changes, ms }: Commit, { records, log }: AnnounceParts): void {
  for (const [name, { missing }] of next.waiting) {
    const known = before.waiting.get(name)?.missing.join()
    const hash = changes.find((change) => change.name === name)?.hash
    records.waiting(name, hash, missing, ms)
    if (known !== missing.join()) log.warn('plugin.waiting', { plugin: name, for: missing })
  }
  for (const [name, { plugin }] of before.waiting) {
    if (plugin === undefined || next.plugins.get(name) !== plugin) continue
    records.returned(name)
    log.info('plugin.returned', { plugin: name, generation: next.id })
  }
}

/** Of every version that served, waited or was held. */
function hashesBefore(before: Generation): ReadonlyMap<string, string> {
  const held = [...before.held.values()].map(({ plugin }) => plugin)
  return new Map([...instancesOf(before), ...held].map(({ name, build }) => [name, build.hash]))
}
