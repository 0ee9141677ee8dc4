import { z } from 'zod'
import { OpsError } from '../../errors.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import { isDay } from './answer.ts'
import { readRecord } from './definitions.ts'
import type { Dialog, Step } from './dialog.ts'
import { failOn } from './keys.ts'
import { type Fail, objectSchema } from './shape.ts'

const aFunction = z.custom<Step['ask']>((value) => typeof value === 'function', {
  error: 'a function is expected',
})

const stepSchema = z.strictObject({
  ask: aFunction,
  choices: aFunction.optional(),
  range: aFunction.optional(),
  next: aFunction.optional(),
})

const definitionSchema = z.strictObject({
  kind: z.literal('dialog'),
  version: z.int().min(1),
  state: objectSchema,
  permission: z.string().optional(),
  withinS: z
    .int()
    .min(1)
    .max(30 * 24 * 3600)
    .default(900),
  start: z.string().optional(),
  steps: z.record(z.string(), stepSchema),
  finish: aFunction,
  migrate: z
    .custom<NonNullable<Dialog['migrate']>>((value) => typeof value === 'function', {
      error: 'a function is expected',
    })
    .optional(),
})

/** What `dialogs` defines. */
export function readDialogs(callback: unknown, fail: Fail): ReadonlyMap<string, Dialog> {
  const made = readRecord<Dialog>(callback, dialogKit, 'dialogs', 'dialog', fail)
  return new Map([...made].map(([name, dialog]) => [name, readDialog(name, dialog, fail)]))
}

function readDialog(name: string, made: Dialog, fail: Fail): Dialog {
  if (!/^[a-z][A-Za-z0-9]{0,31}$/.test(name)) {
    fail(`the dialog "${name}" must be named with 1–32 letters and digits`)
  }
  const parsed = definitionSchema.safeParse(made)
  if (!parsed.success) {
    return failOn(`the dialog ${name}`, parsed.error, definitionSchema, fail)
  }
  const { start, steps, migrate, permission, ...dialog } = parsed.data
  const names = Object.keys(steps)
  const known = Object.keys(dialog.state.shape)
  for (const step of names) {
    if (!known.includes(step)) fail(`the dialog ${name}: no key of its state is named "${step}"`)
    const field = dialog.state.shape[step]
    if (steps[step]?.range !== undefined && field !== undefined && !isDay(field)) {
      fail(`the dialog ${name}: "${step}" has a range, and is no z.iso.date()`)
    }
  }
  const first = start ?? names[0]
  if (first === undefined) return fail(`the dialog ${name} has no steps`)
  if (!names.includes(first))
    return fail(`the dialog ${name} starts with "${first}", which is no step`)
  return {
    ...dialog,
    ...(migrate === undefined ? {} : { migrate }),
    ...(permission === undefined ? {} : { permission }),
    start: first,
    steps: new Map(names.map((step) => [step, stepOf(steps[step])])),
  }
}

function stepOf(step: z.output<typeof stepSchema> | undefined): Step {
  const { ask = () => '', choices, range, next } = step ?? {}
  return {
    ask,
    ...(choices === undefined ? {} : { choices }),
    ...(range === undefined ? {} : { range }),
    ...(next === undefined ? {} : { next }),
  }
}

/** What `ctx.begin` is called with. @throws OPS_DIALOG */
export function checkBeginning(
  { name: plugin, dialogs }: Pick<PluginDeclaration, 'name' | 'dialogs'>,
  name: string,
  given: Readonly<Record<string, unknown>>,
): void {
  const dialog = dialogs.get(name)
  if (dialog === undefined) {
    throw new OpsError('OPS_DIALOG', `Plugin ${plugin} has no dialog "${name}"`)
  }
  for (const [key, value] of Object.entries(given)) {
    const field = dialog.state.shape[key]
    const parsed = field === undefined ? undefined : z.safeParse(field, value)
    if (parsed?.success === true) continue
    throw new OpsError(
      'OPS_DIALOG',
      `The dialog "${name}" of plugin ${plugin} was begun with a "${key}" that its state doesn't take`,
      { cause: parsed?.error },
    )
  }
}

const dialogKit = { dialog: (definition: object) => ({ ...definition, kind: 'dialog' as const }) }
