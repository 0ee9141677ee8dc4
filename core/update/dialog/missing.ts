import type { z } from 'zod'
import type { Translate } from '../../i18n/texts.ts'
import type { CommandRoute } from '../../plugin/generation/routes.ts'
import { choicesOf, isDay } from '../../plugin/manifest/answer.ts'
import { kindOf, parseArguments, unwrap, usageOf } from '../../plugin/manifest/arguments.ts'
import type { Command } from '../../plugin/manifest/command.ts'
import { isHere, isPermitted } from '../../plugin/manifest/usable.ts'
import { edit, message } from '../../plugin/run/content.ts'
import { contextOver, type LiveContext } from '../../plugin/run/context.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import { newRevision, type Session, type SessionKey } from '../../session/sessions.ts'
import { findCommand } from '../find-command.ts'
import { calendarFor, takenDay } from './day.ts'
import type { TakenAnswer } from './dialogs.ts'
import { closed, type DialogInput, dialogKeyboard } from './keyboard.ts'

/** A command that lacks an argument, and what was typed after it. */
export interface ArgumentDialog {
  readonly route: CommandRoute
  readonly command: Command
  readonly path: string
  readonly text: string
}

/** The same with all that it needs. */
export interface CompleteCommand extends ArgumentDialog {
  readonly value: unknown
  readonly ctx: LiveContext
}

interface Asking extends ArgumentDialog {
  readonly key: SessionKey
  /** Of the dialog in whose place it comes. */
  readonly from: string | undefined
  readonly t: Translate
  /** The texts that were there before earlier answers. */
  readonly earlier?: readonly string[]
  readonly update?: Record<string, unknown>
}

interface Answering {
  readonly session: Session
  readonly input: DialogInput
  readonly t: Translate
  readonly end: (why: 'changed' | 'refused') => TakenAnswer
}

/** How long a question for an argument stands, ms. */
const withinMs = 900_000
const quotes = ['""', "''", '“”', '«»'] as const

/** Puts the question. @returns false when a typed answer couldn't be read for it */
export function askArgument(run: UpdateRun, asking: Asking, name: string): boolean {
  const { route, command, path, text, key, from, t, earlier = [] } = asking
  const field = command.args?.shape[name]
  if (field === undefined || kindOf(unwrap(field)) === 'list') return false
  const choices = choicesOf(field, t)
  const revision = newRevision()
  const update = asking.update ?? { ...run.update }
  run.keepSession({
    key,
    from,
    to: {
      ...key,
      plugin: route.instance.name,
      name: `/${path}`,
      step: name,
      version: 1,
      revision,
      context: {
        answers: {},
        path: [...earlier],
        choices: [...choices],
        command: { text, update },
      },
      expiresAt: new Date(run.clock.now() + withinMs),
    },
  })
  run.outcome = 'asked'
  const usage = t('usage', { usage: usageOf(path, command.args) })
  const parts = { t, revision, presser: key.userId, choices, mayGoBack: earlier.length > 0 }
  const keyboard = keyboardFor(run, field, parts)
  run.say(message(questionFor(t, name, usage), keyboard))
  return true
}

function questionFor(t: Translate, name: string, usage: string): string {
  return `${t('args.missing', { name })} ${t('dialog.sendIt')}\n${usage}`
}

interface Shown {
  readonly t: Translate
  readonly revision: string
  readonly presser: number
  readonly choices: readonly { readonly label: string }[]
  readonly mayGoBack: boolean
  readonly month?: string
}

function keyboardFor(run: UpdateRun, field: z.core.$ZodType, { choices, month, ...shown }: Shown) {
  return dialogKeyboard({
    ...shown,
    labels: choices.map(({ label }) => label),
    calendar: isDay(field) ? calendarFor(run, {}, month) : undefined,
    maySkip: false,
  })
}

/** Takes an answer: the next question, or the command. @returns undefined when the person was told */
export function answerArgument(
  run: UpdateRun,
  { session, input, t, end }: Answering,
): TakenAnswer | undefined {
  const { plugin, name, step, context } = session
  const { text = '', update = {} } = context.command ?? {}
  const path = name.slice(1)
  const found = findCommand(run, { plugin, path })
  const args = found?.command.args
  if (found === undefined || args === undefined) return end('changed')
  if (!isPermitted(found.command, run) || !isHere(found.command, run)) return end('refused')
  const asking = { ...found, path, key: session, from: session.revision, t, update }
  if (input.kind === 'back') {
    const before = context.path.at(-1)
    const missing = before === undefined ? undefined : read(run, args, before, found, t)
    if (before === undefined || missing?.ok !== false) return say(run, t('dialog.noBack'))
    const earlier = context.path.slice(0, -1)
    askArgument(run, { ...asking, text: before, earlier }, missing.problem.field ?? step)
    return undefined
  }
  if (input.kind === 'skip') return say(run, t('dialog.needed'))
  if (input.kind === 'nothing') return undefined
  const asked = args.shape[step]
  const isOfDays = asked !== undefined && isDay(asked)
  if (input.kind === 'month') {
    if (!isOfDays) return undefined
    const usage = t('usage', { usage: usageOf(path, args) })
    const { choices } = context
    const { revision, userId: presser } = session
    const shown = { t, revision, presser, choices, mayGoBack: context.path.length > 0 }
    const keyboard = keyboardFor(run, asked, { ...shown, month: input.month })
    run.say(edit(questionFor(t, step, usage), keyboard))
    return undefined
  }
  const day = isOfDays ? takenDay(run, input, {}, t) : undefined
  if (day !== undefined && !('day' in day)) {
    return say(run, `${day.complaint}\n${t('dialog.again')}`)
  }
  const given =
    day?.day ??
    (input.kind === 'text'
      ? input.text
      : context.choices[input.kind === 'choice' ? input.index : 0]?.value)
  const line = withArgument(text, step, String(given))
  if (line === undefined) return say(run, `${t('dialog.quotes')}\n${t('dialog.again')}`)
  const parsed = read(run, args, line, found, t)
  if (run.pressId !== undefined) run.say(edit(closed(run, `› ${String(given)}`)))
  if (parsed.ok) {
    run.keepSession({ key: session, from: session.revision, to: undefined })
    const ctx = contextOver(run, found.route.instance, update)
    return { kind: 'command', ...found, path, text: line, value: parsed.value, ctx }
  }
  const { reason, field = step, message: complaint } = parsed.problem
  const earlier = [...context.path, text]
  if (reason === 'missing' && askArgument(run, { ...asking, text: line, earlier }, field)) {
    return undefined
  }
  return say(run, `${complaint}\n${t('dialog.again')}`)
}

function read(
  run: UpdateRun,
  args: z.ZodObject,
  text: string,
  { route }: { route: CommandRoute },
  t: Translate,
) {
  const own = route.instance.texts.in(run.language)
  return parseArguments(args, text, { t, own, language: run.language })
}

/** The same command line with one argument more: by name, in front, where no text that takes the rest can swallow it. */
function withArgument(text: string, name: string, value: string): string | undefined {
  const quote = quotes.find(([, close = '']) => !value.includes(close))
  return quote === undefined ? undefined : `${name}=${quote[0]}${value}${quote[1]} ${text}`.trim()
}

function say(run: UpdateRun, text: string): undefined {
  run.say(message(text))
}
