import { z } from 'zod'
import { OpsError } from '../../errors.ts'
import { dayText } from '../../i18n/dates.ts'
import type { Translate } from '../../i18n/texts.ts'
import {
  type Answer,
  checkedAnswer,
  choicesOf,
  isDay,
  isOptional,
  parseFor,
  typedAnswer,
} from '../../plugin/manifest/answer.ts'
import type { Choice, DateRange, Dialog, Step } from '../../plugin/manifest/dialog.ts'
import { type Buttons, type Content, edit, message } from '../../plugin/run/content.ts'
import type { LiveContext } from '../../plugin/run/context.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import { newRevision, type Session } from '../../session/sessions.ts'
import { Html, html } from '../../telegram/html.ts'
import { calendarFor, takenDay } from './day.ts'
import { closed, type DialogInput, dialogKeyboard } from './keyboard.ts'

export type Beginning = NonNullable<UpdateRun['begun']>
type Answers = Readonly<Record<string, unknown>>

interface StepParts {
  readonly run: UpdateRun
  readonly ctx: LiveContext
  readonly dialog: Dialog
  readonly session: Session
  readonly t: Translate
}

/** A question that is put. */
interface Put {
  readonly step: string
  readonly state: Readonly<Record<string, unknown>>
  readonly question: unknown
  readonly revision: string
  readonly choices: readonly Choice[]
  readonly mayGoBack: boolean
  /** Of its calendar; default: where the first day can be taken. */
  readonly month?: string
}

interface TakenParts extends StepParts {
  readonly input: DialogInput
  readonly end: (why: 'changed') => unknown
}

/** Asks the first question whose answer wasn't given. */
export async function beginDialog(
  parts: StepParts & { readonly isNew: boolean },
): Promise<unknown> {
  const { dialog, session, isNew, t } = parts
  const walk = new Walk(parts, isNew)
  return walk.goOn(dialog.start, session.context.answers, [], isNew ? [] : [t('dialog.replaced')])
}

/** Takes an answer: checks it, and asks the next question, or finishes. @returns what is to be said */
export async function takeStep(parts: TakenParts): Promise<unknown> {
  const { run, dialog, session, input, t, end } = parts
  const answers = migrated(dialog, session)
  if (answers === undefined) return void end('changed')
  const walk = new Walk(parts, false)
  const { step } = session
  const { path } = session.context
  // it has no such question any more
  if (!dialog.steps.has(step)) return walk.goOn(dialog.start, answers, [], [t('dialog.asksAnew')])
  if (input.kind === 'back') {
    const before = path.findLast((name) => dialog.steps.has(name))
    if (before === undefined) return message(t('dialog.noBack'))
    if (run.pressId !== undefined) run.say(edit(closed(run, `‹ ${t('dialog.back')}`)))
    return walk.ask(before, without(answers, before), path.slice(0, path.lastIndexOf(before)), [])
  }
  if (input.kind === 'nothing') return undefined
  if (input.kind === 'month') return walk.turn(step, answers, input.month)
  const taken = await walk.answer(step, input, answers)
  if (!taken.ok) return message(`${taken.complaint}\n${t('dialog.again')}`)
  if (run.pressId !== undefined) run.say(edit(closed(run, `› ${taken.label}`)))
  const kept = input.kind === 'skip' ? without(answers, step) : { ...answers, [step]: taken.value }
  return walk.goOn(await walk.after(step, kept), kept, [...path, step], [])
}

/** What is kept, as this version of the dialog has it. */
function migrated(dialog: Dialog, { version, context }: Session): Answers | undefined {
  if (version === dialog.version) return context.answers
  // of a version that was rolled back
  if (version > dialog.version) return undefined
  return dialog.migrate?.(context.answers, version)
}

/** An answer, with what to show of it. */
type Taken = Exclude<Answer, { ok: true }> | (Extract<Answer, { ok: true }> & { label: string })

function labelled(answer: Answer, label: string): Taken {
  return answer.ok ? { ...answer, label } : answer
}

/** Who types what stands on a button means it. */
function chosenBy(input: DialogInput, choices: readonly Choice[]): Choice | undefined {
  if (input.kind === 'choice') return choices[input.index]
  if (input.kind !== 'text') return undefined
  const same = (label: string) => label.trim().toLowerCase() === input.text.trim().toLowerCase()
  return choices.find(({ label }) => same(label))
}

/** The way through one dialog, from question to question. */
class Walk {
  readonly #parts: StepParts
  readonly #isNew: boolean

  constructor(parts: StepParts, isNew: boolean) {
    this.#parts = parts
    this.#isNew = isNew
  }

  /** What the person answered to a question. */
  async answer(step: string, input: DialogInput, answers: Answers): Promise<Taken> {
    const { dialog, session, run, t, ctx } = this.#parts
    const field = fieldOf(dialog, step)
    const texts = { t, own: ctx.t, language: run.language }
    if (input.kind === 'skip') {
      if (isOptional(field)) return { ok: true, value: undefined, label: t('dialog.skip') }
      return { ok: false, complaint: t('dialog.needed') }
    }
    const chosen = chosenBy(input, session.context.choices)
    if (chosen !== undefined) {
      return labelled(checkedAnswer(field, chosen.value, texts), chosen.label)
    }
    if (isDay(field)) {
      const range = await this.#range(step, stateOf(dialog, answers))
      const taken = takenDay(run, input, range, t)
      if (!('day' in taken)) return taken
      return labelled(checkedAnswer(field, taken.day, texts), dayText(taken.day, run.language))
    }
    if (input.kind === 'text') return labelled(typedAnswer(field, input.text, texts), input.text)
    return { ok: false, complaint: t('dialog.stale') }
  }

  /** The step after one that was answered. */
  async after(step: string, answers: Answers): Promise<string> {
    const { dialog, ctx } = this.#parts
    const { next } = stepOf(dialog, step)
    if (next !== undefined) return String(await call(next, ctx, stateOf(dialog, answers)))
    const names = [...dialog.steps.keys()]
    return names[names.indexOf(step) + 1] ?? 'end'
  }

  /** Asks at `step`, or at the next one after it that is still open; or finishes. */
  async goOn(
    step: string,
    answers: Answers,
    path: readonly string[],
    notes: readonly string[],
  ): Promise<unknown> {
    const { dialog } = this.#parts
    let at = step
    for (let passed = 0; passed <= dialog.steps.size; passed++) {
      if (at === 'end') return this.#finish(answers, path, notes)
      if (answers[at] === undefined) return this.ask(at, answers, path, notes)
      at = await this.after(at, answers)
    }
    throw new OpsError(
      'OPS_DIALOG',
      `The dialog "${this.#parts.session.name}" goes round in a circle at "${at}"`,
    )
  }

  /** Puts a question, and keeps that it was put. */
  async ask(
    step: string,
    answers: Answers,
    path: readonly string[],
    notes: readonly string[],
  ): Promise<Content> {
    const { run, ctx, dialog, session, t } = this.#parts
    const { ask, choices: offered } = stepOf(dialog, step)
    const field = fieldOf(dialog, step)
    const state = stateOf(dialog, answers)
    const question = await call(ask, ctx, state)
    const choices =
      offered === undefined
        ? choicesOf(field, t)
        : ((await call(offered, ctx, state)) as readonly Choice[])
    const revision = newRevision()
    run.keepSession({
      key: session,
      from: this.#isNew ? undefined : session.revision,
      to: {
        ...session,
        step,
        version: dialog.version,
        revision,
        context: { answers: { ...answers }, path: [...path], choices: [...choices] },
        expiresAt: new Date(run.clock.now() + dialog.withinS * 1000),
      },
    })
    run.outcome = 'asked'
    const put = { step, state, question, revision, choices, mayGoBack: path.length > 0 }
    const [text, keyboard] = await this.#shown(put, notes)
    return message(text, keyboard)
  }

  /** Shows another month of the calendar under the question that stands. */
  async turn(step: string, answers: Answers, month: string): Promise<Content | undefined> {
    const { ctx, dialog, session } = this.#parts
    if (!isDay(fieldOf(dialog, step))) return undefined
    const state = stateOf(dialog, answers)
    const question = await call(stepOf(dialog, step).ask, ctx, state)
    const { path, choices } = session.context
    const { revision } = session
    const put = { step, state, question, revision, choices, mayGoBack: path.length > 0, month }
    return edit(...(await this.#shown(put, [])))
  }

  /** A question as the person sees it. */
  async #shown(
    { step, state, question, revision, choices, mayGoBack, month }: Put,
    notes: readonly string[],
  ): Promise<[text: string | Html, keyboard: Buttons]> {
    const { run, dialog, session, t } = this.#parts
    const field = fieldOf(dialog, step)
    const hints = run.facts.chatType === 'private' ? [] : [t('dialog.replyHint')]
    const keyboard = dialogKeyboard({
      t,
      revision,
      presser: session.userId,
      labels: choices.map(({ label }) => label),
      calendar: isDay(field) ? calendarFor(run, await this.#range(step, state), month) : undefined,
      mayGoBack,
      maySkip: isOptional(field),
    })
    const asked = question instanceof Html ? question : String(question)
    return [paragraphs([...notes, asked, ...hints]), keyboard]
  }

  async #range(step: string, state: unknown): Promise<DateRange> {
    const { dialog, ctx } = this.#parts
    const { range } = stepOf(dialog, step)
    return range === undefined ? {} : ((await call(range, ctx, state)) as DateRange)
  }

  async #finish(
    answers: Answers,
    path: readonly string[],
    notes: readonly string[],
  ): Promise<unknown> {
    const { run, ctx, dialog, session, t } = this.#parts
    const texts = { t, own: ctx.t, language: run.language }
    const parsed = parseFor(dialog.state, answers, texts)
    if (!parsed.ok) {
      // each answer fits by itself: they don't go together, or were kept by an older version
      const { key = '', complaint, cause } = parsed
      if (dialog.steps.has(key)) {
        return this.ask(key, without(answers, key), path, [...notes, complaint])
      }
      throw new OpsError(
        'OPS_DIALOG',
        `What the dialog "${session.name}" has collected doesn't fit its state`,
        { cause },
      )
    }
    if (!this.#isNew) run.keepSession({ key: session, from: session.revision, to: undefined })
    run.outcome = 'done'
    return call(dialog.finish, ctx, parsed.data)
  }
}

/** What was answered so far, as the schema reads it; what doesn't fit any more is left out. */
function stateOf(dialog: Dialog, answers: Answers): Record<string, unknown> {
  const state: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(dialog.state.shape)) {
    const parsed = answers[key] === undefined ? undefined : z.safeParse(field, answers[key])
    if (parsed?.success === true) state[key] = parsed.data
  }
  return state
}

function fieldOf({ state }: Dialog, step: string): z.core.$ZodType {
  const field = state.shape[step]
  if (field !== undefined) return field
  throw new OpsError('OPS_DIALOG', `A dialog has no key "${step}" in its state`)
}

function stepOf({ steps }: Dialog, name: string): Step {
  const step = steps.get(name)
  if (step !== undefined) return step
  throw new OpsError('OPS_DIALOG', `A dialog has no step "${name}"`, {
    hint: "`next` returns a name of `steps`, or 'end'.",
  })
}

/** Typed where the plugin was written; routes keep dialogs of all types in one map. */
async function call(
  work: (ctx: never, state: never) => unknown,
  ctx: LiveContext,
  state: unknown,
): Promise<unknown> {
  return work(ctx as never, state as never)
}

function without(answers: Answers, step: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(answers).filter(([key]) => key !== step))
}

function paragraphs(texts: readonly (string | Html)[]): string | Html {
  const [first = '', ...rest] = texts
  return rest.reduce<string | Html>((all, text) => html`${all}\n\n${text}`, first)
}
