import { z } from 'zod'

const schema = z.looseObject({
  /** Who let the person in, and when; absent for strangers. */
  added: z.object({ by: z.number(), at: z.string() }).optional().catch(undefined),
  /** That they asked for access, and what came of it. */
  request: z
    .object({
      state: z.enum(['open', 'refused']),
      /** When it was asked or refused, Unix seconds. */
      at: z.number(),
      refusals: z.number(),
      /** Of the button, since then. */
      presses: z.number(),
    })
    .optional()
    .catch(undefined),
  /** What a stranger did lately; gone once the person is let in. */
  stranger: z
    .object({
      /** When updates were refused, Unix seconds, oldest first; only of the last minutes. */
      refusals: z.array(z.number()),
      /** When the one sentence was said, Unix seconds. */
      answeredAt: z.number().optional(),
    })
    .optional()
    .catch(undefined),
})

/** What auth keeps in `bot_users.metadata`, beside the keys of others. */
export type PersonMetadata = z.output<typeof schema>
export type StrangerRecord = NonNullable<PersonMetadata['stranger']>

/** Reads it tolerantly: what others wrote there, or broke, counts as absent. */
export function readMetadata(value: unknown): PersonMetadata {
  return schema.safeParse(value).data ?? {}
}
