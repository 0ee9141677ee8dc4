import semver from 'semver'
import { z } from 'zod'
import type { Entity } from '../../database/orm.ts'
import { OpsError } from '../../errors.ts'
import { failOn } from './keys.ts'

const anyFunction = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  {
    error: 'a function is expected',
  },
)
/** A schema of named values, made with the host's own zod. */
export const objectSchema = z.custom<z.ZodObject>((value) => value instanceof z.ZodObject, {
  error: "an object schema of the host's zod is expected: z.object({ … })",
})
const tokenSchema = z.custom<{ name: string; major: number }>(
  (value) => z.object({ name: z.string(), major: z.int() }).safeParse(value).success,
  { error: 'a service token is expected' },
)

const pluginName = /^[a-z][a-z0-9]{1,15}$/

const permissionSpec = z.strictObject({
  description: z.string().min(1),
  roles: z.array(z.enum(['admin', 'operator', 'guest'])).readonly(),
})

/** The keys of a manifest. What its callbacks define is read by `definitions.ts`. */
const manifestSchema = z.strictObject({
  name: z.string().regex(pluginName, {
    error: 'a plugin is named with 2–16 of a–z and 0–9, beginning with a letter',
  }),
  version: z.string().refine((version) => semver.valid(version) !== null, {
    error: 'a version such as 1.0.0 is expected',
  }),
  description: z.string().default(''),
  engine: z
    .string()
    .refine((range) => semver.validRange(range) !== null, {
      error: 'a range such as ^1.0.0 is expected',
    })
    .optional(),
  config: objectSchema.optional(),
  requires: z.array(z.string().regex(pluginName)).default([]),
  reload: z.enum(['swap', 'exclusive']).default('swap'),
  uses: z.record(z.string(), tokenSchema).default({}),
  permissions: z.record(z.string(), permissionSpec).default({}),
  entities: z
    .array(z.custom<Entity>(isEntity, { error: 'an entity of defineEntity is expected' }))
    .default([]),
  tables: z.array(z.string().regex(/^[a-z][a-z0-9_]{0,62}$/)).default([]),
  session: z.unknown().optional(),
  setup: anyFunction.optional(),
  provides: z.record(z.string(), tokenSchema).default({}),
  actions: anyFunction.optional(),
  jobs: anyFunction.optional(),
  dialogs: anyFunction.optional(),
  middleware: anyFunction.optional(),
  commands: anyFunction.optional(),
  events: anyFunction.optional(),
  hooks: anyFunction.optional(),
  routes: anyFunction.optional(),
  health: anyFunction.optional(),
  telegraf: anyFunction.optional(),
  personalData: z.unknown().optional(),
})

export type ManifestShape = z.output<typeof manifestSchema>

function isEntity(value: unknown): boolean {
  // an EntitySchema, or a class that one was set upon; both carry their metadata
  if (typeof value === 'function') return true
  return typeof value === 'object' && value !== null && 'meta' in value
}

/** Ends the reading of a manifest with what is wrong in it. */
export type Fail = (message: string, hint?: string) => never

/** Makes the function by which everything that reads a plugin's manifest throws OPS_PLUGIN_MANIFEST. */
export function failing(plugin: string): Fail {
  return (message, hint) => {
    throw new OpsError('OPS_PLUGIN_MANIFEST', `Plugin ${plugin}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      details: { plugin },
    })
  }
}

/** The keys of what `index.ts` exports by default, each checked for its kind of value. */
export function readShape(exported: unknown, fail: Fail): ManifestShape {
  if (
    typeof exported !== 'object' ||
    exported === null ||
    !('kind' in exported && exported.kind === 'manifest' && 'definition' in exported)
  ) {
    return fail(
      'index.ts must default-export what definePlugin(…) returns',
      "export default definePlugin({ name: '…', version: '1.0.0', … })",
    )
  }
  const parsed = manifestSchema.safeParse(exported.definition)
  if (parsed.success) return parsed.data
  return failOn('the manifest', parsed.error, manifestSchema, fail)
}
