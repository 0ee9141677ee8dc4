import { z } from 'zod'
import type { EntityManager } from '../../database/orm.ts'
import { failOn } from './keys.ts'
import type { Fail } from './shape.ts'

/** Whose data are asked for. */
export interface DataSubject {
  readonly telegramId: number
  /** Key of the person's `bot_users` row. */
  readonly id: string
}

/** What the plugin keeps about people, for whoever wants to see their own or have it erased. */
export interface PersonalDataDefinition<Result> {
  /** All of it about one person, as it goes into a JSON file. Undefined: there is none. */
  export(
    subject: DataSubject,
    parts: { readonly em: EntityManager; readonly plugin: Result },
  ): unknown
  /**
   * Deletes it, or makes it nobody's, by `em`: in the one transaction that erases the person everywhere. What has to be
   * kept, for others rely on it, may stay without the name: the `bot_users` row that it refers to is made nobody's.
   * A throw leaves everything as it is.
   *
   * @returns how many rows were deleted or changed, if it knows
   */
  erase(
    subject: DataSubject,
    parts: { readonly em: EntityManager; readonly plugin: Result },
  ): unknown
}

/** The same as the core knows it. */
export type PersonalDataDeclaration = PersonalDataDefinition<never>

const shape = z.strictObject({
  export: z.custom<PersonalDataDeclaration['export']>((value) => typeof value === 'function', {
    error: 'a function is expected',
  }),
  erase: z.custom<PersonalDataDeclaration['erase']>((value) => typeof value === 'function', {
    error: 'a function is expected: what can be seen can be erased',
  }),
})

/** What `personalData` says. */
export function readPersonalData(given: unknown, fail: Fail): PersonalDataDeclaration | undefined {
  if (given === undefined) return undefined
  const parsed = shape.safeParse(given)
  if (parsed.success) return parsed.data
  return failOn('personalData', parsed.error, shape, fail)
}
