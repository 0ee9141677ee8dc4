import type { EntityManager } from '../../database/orm.ts'
import { asPlugin } from '../code/owner.ts'
import type { Generation } from '../generation/generation.ts'
import type { DataSubject, PersonalDataDefinition } from '../manifest/personal-data.ts'
import { eraseInCore, exportOfCore } from './core-data.ts'

/** What the bot keeps about people: the core, and each live plugin that says so by `personalData`. */
export interface PersonalDataApi {
  /** All of it about one person, by plugin; `opsgram` is what the core keeps. */
  export(subject: DataSubject, em: EntityManager): Promise<Readonly<Record<string, unknown>>>
  /**
   * Erases it everywhere: to be called inside of a transaction, such as `ctx.transactional`; the `em` is that one's.
   * A plugin that throws leaves everything as it is. What plugins keep that are not live stays.
   *
   * @returns how many rows each deleted or changed, as far as it knows
   */
  erase(subject: DataSubject, em: EntityManager): Promise<Readonly<Record<string, number>>>
  /** Live plugins that keep nothing about people, or don't say what. */
  silent(): readonly string[]
}

export function personalData(live: () => Generation): PersonalDataApi {
  const keeping = () =>
    [...live().plugins.values()].flatMap(({ name, personalData, result }) =>
      // typed against what its setup returns where the plugin was written
      personalData === undefined
        ? []
        : [{ name, own: personalData as PersonalDataDefinition<unknown>, result }],
    )
  return {
    async export(subject, em) {
      const all: Record<string, unknown> = { opsgram: await exportOfCore(em, subject) }
      for (const { name, own, result } of keeping()) {
        const found = await asPlugin(name, async () => own.export(subject, { em, plugin: result }))
        if (found !== undefined) all[name] = found
      }
      return all
    },
    async erase(subject, em) {
      const rows: Record<string, number> = {}
      for (const { name, own, result } of keeping()) {
        const count = await asPlugin(name, async () => own.erase(subject, { em, plugin: result }))
        if (typeof count === 'number') rows[name] = count
      }
      // last: what plugins look for is found by the row
      rows.opsgram = await eraseInCore(em, subject)
      return rows
    },
    silent: () =>
      [...live().plugins.values()]
        .filter((plugin) => plugin.personalData === undefined)
        .map(({ name }) => name),
  }
}
