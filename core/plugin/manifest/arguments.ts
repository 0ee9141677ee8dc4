import { z } from 'zod'
import type { AvailableArgument } from '../catalog/plugins.ts'
import { type ArgumentTexts, complaintOf } from './complaint.ts'

/** What is wrong with the arguments of a command, ready to be said in a person's language. */
export interface ArgumentProblem {
  /** The argument's name; undefined when there are too many. */
  field?: string
  reason: 'missing' | 'invalid' | 'too-many'
  /** In the person's language: what was wrong. */
  message: string
}

export type ParsedArguments = { ok: true; value: unknown } | { ok: false; problem: ArgumentProblem }

type FieldKind = 'text' | 'number' | 'boolean' | 'list'

interface Field {
  name: string
  kind: FieldKind
  required: boolean
  /** What the usage line shows instead of the name's type: `a|b`, `1h30`. */
  hint: string | undefined
  description: string | undefined
}

interface Word {
  text: string
  start: number
  quoted: boolean
}

// phones turn straight quotes into these by themselves
const quotePairs: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '“': '”',
  '«': '»',
  '„': '“',
}

/**
 * Words of a command line. A quote opens only at the beginning of a word or after `key=`; one that
 * is never closed is a plain character.
 */
export function splitWords(text: string): Word[] {
  const words: Word[] = []
  let i = 0
  while (i < text.length) {
    if (/\s/.test(text.charAt(i))) {
      i++
      continue
    }
    const start = i
    let word = ''
    let quoted = false
    while (i < text.length && !/\s/.test(text.charAt(i))) {
      const close = quotePairs[text.charAt(i)]
      const opens = close !== undefined && (word === '' || /^[A-Za-z_]\w*=$/.test(word))
      const end = opens ? text.indexOf(close, i + 1) : -1
      if (end === -1) {
        word += text.charAt(i++)
      } else {
        word += text.slice(i + 1, end)
        quoted = true
        i = end + 1
      }
    }
    words.push({ text: word, start, quoted })
  }
  return words
}

/**
 * Reads the text after a command by its schema: positional in key order, `key=value` anywhere,
 * quotes for words with spaces; a last string takes the rest as it stands.
 */
export function parseArguments(
  schema: z.ZodObject,
  text: string,
  texts: ArgumentTexts,
): ParsedArguments {
  const fields = fieldsOf(schema)
  const byName = new Map(fields.map((field) => [field.name.toLowerCase(), field]))
  const given: Record<string, unknown> = {}
  const positional: Word[] = []
  for (const word of splitWords(text)) {
    const named = /^([A-Za-z_]\w*)=(.*)$/s.exec(word.text)
    const field = named?.[1] === undefined ? undefined : byName.get(named[1].toLowerCase())
    if (field !== undefined && given[field.name] === undefined) {
      given[field.name] = field.kind === 'list' ? [named?.[2] ?? ''] : (named?.[2] ?? '')
    } else {
      positional.push(word)
    }
  }
  const open = fields.filter((field) => given[field.name] === undefined)
  for (const [index, field] of open.entries()) {
    const word = positional.shift()
    if (word === undefined) break
    const last = index === open.length - 1
    if (last && field.kind === 'text') {
      const more = positional.length > 0
      given[field.name] = more ? restOf(text, word, byName) : word.text
      positional.length = 0
    } else if (field.kind === 'list') {
      given[field.name] = [word.text, ...positional.splice(0).map((rest) => rest.text)]
    } else {
      given[field.name] = word.text
    }
  }
  const extra = positional[0]
  if (extra !== undefined) {
    return problem('too-many', undefined, texts.t('args.tooMany', { word: extra.text }))
  }
  return validate(schema, fields, given, texts)
}

/** From this word to the end, without the `key=value` words in between. */
function restOf(text: string, from: Word, byName: ReadonlyMap<string, Field>): string {
  return text
    .slice(from.start)
    .replaceAll(/(^|\s)([A-Za-z_]\w*)=(\S*)/g, (all, gap: string, key: string) =>
      byName.has(key.toLowerCase()) ? gap : all,
    )
    .trim()
}

function validate(
  schema: z.ZodObject,
  fields: readonly Field[],
  given: Readonly<Record<string, unknown>>,
  texts: ArgumentTexts,
): ParsedArguments {
  const { t } = texts
  const value: Record<string, unknown> = {}
  for (const [index, field] of fields.entries()) {
    const raw = given[field.name]
    if (raw === undefined) {
      if (!field.required) continue
      // what was given before it may be what is really wrong
      const earlier = firstIssue(schema, fields.slice(0, index), value, given, texts)
      return earlier ?? problem('missing', field.name, t('args.missing', { name: field.name }))
    }
    const converted = convert(field.kind, raw)
    if (converted === undefined) {
      const key = field.kind === 'number' ? 'args.number' : 'args.yesNo'
      const earlier = firstIssue(schema, fields.slice(0, index), value, given, texts)
      const message = t(key, { name: field.name, given: String(raw) })
      return earlier ?? problem('invalid', field.name, message)
    }
    value[field.name] = converted
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { ok: true, value: parsed.data }
  return (
    firstIssue(schema, fields, value, given, texts) ??
    problem('invalid', undefined, parsed.error.issues[0]?.message ?? '')
  )
}

/** What the schema says of the first of these fields that it refuses. */
function firstIssue(
  schema: z.ZodObject,
  fields: readonly Field[],
  value: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, unknown>>,
  texts: ArgumentTexts,
): ParsedArguments | undefined {
  const messages = texts.language?.startsWith('ru') === true ? z.locales.ru() : z.locales.en()
  const parsed = schema.safeParse(value, { error: messages.localeError })
  const issues = parsed.error?.issues ?? []
  for (const { name } of fields) {
    const issue = issues.find(({ path }) => path[0] === name)
    if (issue === undefined) continue
    const message = texts.t('args.invalid', {
      name,
      detail: complaintOf(issue, texts),
      given: String(given[name] ?? ''),
    })
    return problem('invalid', name, message)
  }
  return undefined
}

function problem(
  reason: ArgumentProblem['reason'],
  field: string | undefined,
  message: string,
): ParsedArguments {
  return {
    ok: false,
    problem: field === undefined ? { reason, message } : { reason, field, message },
  }
}

const yes = new Set(['yes', 'y', 'true', 'on', '1', 'да'])
const no = new Set(['no', 'n', 'false', 'off', '0', 'нет'])

/** A typed value as its schema expects it; undefined when it can't be read as one. */
export function convert(kind: FieldKind, raw: unknown): unknown {
  if (typeof raw !== 'string') return raw
  if (kind === 'number') {
    const number = Number(raw.replace(',', '.'))
    return raw.trim() === '' || Number.isNaN(number) ? undefined : number
  }
  if (kind === 'boolean') {
    const word = raw.toLowerCase()
    return yes.has(word) ? true : no.has(word) ? false : undefined
  }
  return raw
}

/** What a schema asks for, as `/help` tells it. Descriptions are the schema's own (`describe`). */
export function argumentsOf(schema: z.ZodObject | undefined): AvailableArgument[] {
  return (schema === undefined ? [] : fieldsOf(schema)).map(
    ({ name, required, hint, description }) => ({
      name,
      required,
      ...(hint === undefined ? {} : { hint }),
      ...(description === undefined ? {} : { description }),
    }),
  )
}

/** `/log <duration> <text…> [ticket]`, from the schema. */
export function usageOf(path: string, schema: z.ZodObject | undefined): string {
  const fields = schema === undefined ? [] : fieldsOf(schema)
  const parts = fields.map((field, i) => {
    const rest =
      i === fields.length - 1 && field.kind === 'text' && field.hint === undefined ? '…' : ''
    const many = field.kind === 'list' ? '…' : rest
    const label = field.hint === undefined ? `${field.name}${many}` : `${field.name}: ${field.hint}`
    return field.required ? `<${label}>` : `[${label}]`
  })
  return [`/${path}`, ...parts].join(' ')
}

function fieldsOf(schema: z.ZodObject): Field[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const base = unwrap(field)
    const placeholder = z.globalRegistry.get(base)?.placeholder
    const values = base instanceof z.ZodEnum ? base.options.join('|') : undefined
    return {
      name,
      kind: kindOf(base),
      required: !z.safeParse(field, undefined).success,
      hint: values ?? (typeof placeholder === 'string' ? placeholder : undefined),
      description: (z.globalRegistry.get(field) ?? z.globalRegistry.get(base))?.description,
    }
  })
}

/** How what is typed is to be read. */
export function kindOf(base: z.core.$ZodType): FieldKind {
  if (base instanceof z.ZodNumber || base instanceof z.ZodBigInt) return 'number'
  if (base instanceof z.ZodBoolean) return 'boolean'
  if (base instanceof z.ZodArray) return 'list'
  return 'text'
}

/** What a person types, behind optional, default, transform and the like. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodPipe) return unwrap(schema.in)
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodCatch ||
    schema instanceof z.ZodReadonly
  ) {
    return unwrap(schema.unwrap())
  }
  return schema
}
