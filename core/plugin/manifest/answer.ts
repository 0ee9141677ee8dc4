import { z } from 'zod'
import { convert, kindOf, unwrap } from './arguments.ts'
import { type ArgumentTexts, complaintOf } from './complaint.ts'
import type { Choice } from './dialog.ts'

/** `value` is as it was given: it is kept, and read by the schema once more whenever it is needed. */
export type Answer = { ok: true; value: unknown } | { ok: false; complaint: string }

/** Reads what a person typed at a question. */
export function typedAnswer(field: z.core.$ZodType, text: string, texts: ArgumentTexts): Answer {
  const kind = kindOf(unwrap(field))
  const value = kind === 'list' ? text.split(/[\s,;]+/).filter(Boolean) : convert(kind, text)
  if (value !== undefined) return checkedAnswer(field, value, texts)
  const key = kind === 'number' ? 'dialog.number' : 'dialog.yesNo'
  return { ok: false, complaint: texts.t(key, { given: text }) }
}

/** Checks an answer that is no text any more. */
export function checkedAnswer(
  field: z.core.$ZodType,
  value: unknown,
  texts: ArgumentTexts,
): Answer {
  const parsed = parseFor(field, value, texts)
  return parsed.ok ? { ok: true, value } : parsed
}

type ParsedFor =
  | { ok: true; data: unknown }
  /** `key`: what of an object it is about. */
  | { ok: false; key: string | undefined; complaint: string; cause: unknown }

/** What a schema makes of a value, or what it has against it, in the person's language. */
export function parseFor(schema: z.core.$ZodType, value: unknown, texts: ArgumentTexts): ParsedFor {
  const messages = texts.language?.startsWith('ru') === true ? z.locales.ru() : z.locales.en()
  const parsed = z.safeParse(schema, value, { error: messages.localeError })
  if (parsed.success) return { ok: true, data: parsed.data }
  const issue = parsed.error.issues[0]
  const detail = issue === undefined ? '' : complaintOf(issue, texts)
  const key = issue?.path[0] === undefined ? undefined : String(issue.path[0])
  const complaint = texts.t('dialog.invalid', { detail })
  return { ok: false, key, complaint, cause: parsed.error }
}

/** Whether the question may be left without an answer. */
export function isOptional(field: z.core.$ZodType): boolean {
  return z.safeParse(field, undefined).success
}

/** Whether a day is asked for: by a calendar. */
export function isDay(field: z.core.$ZodType): boolean {
  return unwrap(field) instanceof z.ZodISODate
}

/** The answers that the schema itself names. */
export function choicesOf(field: z.core.$ZodType, t: ArgumentTexts['t']): readonly Choice[] {
  const base = unwrap(field)
  if (base instanceof z.ZodEnum) {
    return base.options.map((value) => ({ label: String(value), value }))
  }
  if (!(base instanceof z.ZodBoolean)) return []
  return [
    { label: t('dialog.yes'), value: true },
    { label: t('dialog.no'), value: false },
  ]
}
