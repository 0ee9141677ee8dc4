import type { UserFromGetMe } from 'telegraf/types'
import type { Cards } from '../card/cards.ts'
import { cardOwner } from '../card/post.ts'
import type { Texts } from '../i18n/texts.ts'
import { isOwner } from '../plugin/access.ts'
import { fingerprintOf } from '../plugin/button/terms.ts'
import { fitsCommand } from '../plugin/catalog/absent.ts'
import type { PluginStatus } from '../plugin/catalog/plugins.ts'
import { asPlugin } from '../plugin/code/owner.ts'
import type { PluginInstance } from '../plugin/generation/instance.ts'
import type { EventRoute, MiddlewareRoute } from '../plugin/generation/routes.ts'
import { parseArguments, usageOf } from '../plugin/manifest/arguments.ts'
import { awaitsApproval, isForEveryone, isHere, isPermitted } from '../plugin/manifest/usable.ts'
import type { Timings } from '../plugin/offered/timings.ts'
import { PluginHeld } from '../plugin/reload/room.ts'
import { contentOf, message } from '../plugin/run/content.ts'
import { contextFor, type LiveContext } from '../plugin/run/context.ts'
import type { UpdateRun } from '../plugin/run/run.ts'
import type { ButtonReader, ReadButton } from './button-reader.ts'
import { cancelWord } from './cancelling.ts'
import { runChain } from './chain.ts'
import type { Confirmations } from './confirmation/confirmations.ts'
import type { Dialogs, TakenAnswer } from './dialog/dialogs.ts'
import type { ArgumentDialog } from './dialog/missing.ts'
import type { Gate, Open } from './gate.ts'
import { observed } from './observe.ts'
import { Refusals } from './refusals.ts'
import { Replies } from './replies.ts'
import { type Match, match } from './router.ts'
import type { Throttle } from './throttle/throttle.ts'

export interface DispatcherOptions {
  botInfo: UserFromGetMe
  gate: Gate
  /** The core's own texts: refusals, usage, errors. */
  texts: Texts
  buttons: ButtonReader
  /** Carries out presses of the core's own cards. */
  cards: Pick<Cards, 'press'>
  confirmations: Confirmations
  dialogs: Dialogs
  throttle: Throttle
  /** Told how long handlers take. */
  timings: Pick<Timings, 'time'>
  /** Where every known plugin stands. */
  states: () => readonly PluginStatus[]
}

type Found<Kind extends Match['kind']> = Extract<Match, { kind: Kind }>
type ConfirmationButton = Extract<ReadButton, { kind: 'confirmation' }>
type CardButton = Extract<ReadButton, { kind: 'card' }>
type Handler = (ctx: LiveContext, input?: unknown) => unknown

/** A press is answered by then at the latest: Telegram's clients show a spinner until it is. */
const pressLimitMs = 700
/** Telegram keeps a press for 150 s (tdlib/telegram-bot-api, Client.cpp); one that waited here for longer is not replayed. */
const pressFreshMs = 150_000

/**
 * The way of one update through a generation: observe → authenticate → throttle → context →
 * authorize → route → handler. What the handlers returned is left on the run, to be sent after the
 * commit. A throw of a handler comes out of `dispatch`.
 */
export class Dispatcher {
  readonly #botUsername: string
  readonly #buttons: ButtonReader
  readonly #cards: Pick<Cards, 'press'>
  readonly #confirmations: Confirmations
  readonly #dialogs: Dialogs
  readonly #throttle: Throttle
  readonly #replies: Replies
  readonly #gate: Gate
  readonly #timings: Pick<Timings, 'time'>
  readonly #refusals: Refusals

  constructor(options: DispatcherOptions) {
    const { botInfo, gate, texts, buttons, cards, confirmations, dialogs, throttle } = options
    this.#throttle = throttle
    this.#confirmations = confirmations
    this.#dialogs = dialogs
    this.#cards = cards
    this.#gate = gate
    this.#timings = options.timings
    this.#botUsername = botInfo.username
    this.#buttons = buttons
    this.#replies = new Replies(texts)
    this.#refusals = new Refusals(this.#replies, options.states)
  }

  /**
   * @param settle calls the way of the update, then commits and answers or decides what a failure
   * means; must not reject. It runs inside the observers, so that they see what came of it.
   */
  async dispatch(
    run: UpdateRun,
    settle: (admit: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    const { observe } = run.generation.routes.middleware
    await observed(run, observe, () => settle(() => this.#admit(run)))
  }

  async #admit(run: UpdateRun): Promise<void> {
    // an observer can't refuse
    run.refused = undefined
    const { routes } = run
    const everybodys = match(run.update, run.facts, routes, this.#botUsername)
    await this.#gate.enter(run, this.#open(run, everybodys))
    if (!run.admitted) return
    // an owner has more than everybody else while something waits for an approval
    const found =
      run.routes === routes
        ? everybodys
        : match(run.update, run.facts, run.routes, this.#botUsername)
    run.asked = found.kind !== 'events' && found.kind !== 'none'
    // before all middleware, whose work it spares, and after the gate, to which a flood of strangers is left
    if (isCounted(run, found) && !(await this.#throttle.admits(run))) return
    const { entry, authorize } = run.generation.routes.middleware
    const passes = this.#passesQuarantined(run, found)
    await this.#through(run, entry.filter(passes), async () => {
      if (run.isUser) await this.#gate.grant(run)
      await this.#through(run, authorize.filter(passes), () => this.#route(run, found))
    })
  }

  /**
   * Middleware in quarantine goes on standing before everything: what it guards stays shut. But it must not keep an
   * owner from the card that could end that.
   */
  #passesQuarantined(run: UpdateRun, found: Match): (link: MiddlewareRoute) => boolean {
    const { quarantined } = run.generation
    const isCard = found.kind === 'press' && this.#buttons.claimsCard(found.data)
    const isExempt = isCard && run.isUser && isOwner(run.user)
    return ({ instance }) => !(isExempt && quarantined.has(instance.name))
  }

  /** What of this is there for whom nobody knows; each route asks once more when it is taken. */
  #open(run: UpdateRun, found: Match): Open {
    switch (found.kind) {
      case 'command':
        return isForEveryone(found.command) && isHere(found.command, run) ? 'asked' : undefined
      case 'press': {
        const action = this.#buttons.claimed(run, found.data)?.action
        if (action !== undefined) return isForEveryone(action) ? 'asked' : undefined
        const listening = run.routes.events.get('callback_query') ?? []
        return listening.some(({ event }) => isForEveryone(event)) ? 'heard' : undefined
      }
      case 'events':
        return found.routes.some(({ event }) => isForEveryone(event)) ? 'heard' : undefined
      default:
        return undefined
    }
  }

  /** Whoever is refused by middleware hears of it from that middleware; a press must end in any case. */
  async #through(
    run: UpdateRun,
    links: readonly MiddlewareRoute[],
    end: () => Promise<void>,
  ): Promise<void> {
    const chain = run.isUser
      ? links
      : links.filter(({ middleware }) => middleware.audience === 'everyone')
    if (chain.length === 0) return end()
    if (await runChain(run, chain, end)) return
    this.#refusals.refuse(run, run.refused ?? 'middleware')
    run.alert = this.#replies.in(run)('refused.press')
  }

  // ── route ─────────────────────────────────────────────────────────────────────────────────────

  async #route(run: UpdateRun, found: Match): Promise<void> {
    switch (found.kind) {
      case 'command':
        return this.#command(run, found)
      case 'press':
        return this.#press(run, found)
      case 'events':
        if (await this.#answer(run, await this.#dialogs.answered(run))) return
        if (await this.#events(run, found.routes)) return
        return this.#leftOver(run)
      case 'unknown-command':
        if (
          this.#refusals.off(run, run.generation.routes.commands.get(found.word)?.instance, 'say')
        )
          return
        if (await this.#composers(run)) return
        if (await this.#answer(run, await this.#dialogs.told(run, found.word))) return
        if (found.word === cancelWord) return this.#cancel(run, found)
        run.outcome = 'unknown-command'
        // in a group the command may well be another bot's
        if (run.facts.chatType !== 'private' && !found.addressed) return
        if (this.#refusals.absent(run, fitsCommand(found.word), `/${found.word}`)) return
        return run.say(message(this.#replies.unknownCommand(run, found.word)))
      case 'none':
        if (await this.#answer(run, await this.#dialogs.answered(run))) return
        return this.#leftOver(run)
    }
  }

  /** A step of a dialog. @returns whether there was one */
  async #answer(run: UpdateRun, taken: TakenAnswer | undefined): Promise<boolean> {
    if (taken?.kind === 'command') {
      run.route = { plugin: taken.route.instance.name, name: taken.path }
      await this.#carryOut(run, taken, taken.value)
    } else if (taken?.kind === 'step') {
      const { instance, work } = taken
      await this.#handle(run, instance, work, undefined)
    }
    return taken !== undefined
  }

  async #command(run: UpdateRun, found: Found<'command'>): Promise<void> {
    const { route, command, path, text } = found
    const { instance } = route
    run.route = { plugin: instance.name, name: path }
    if (!isPermitted(command, run)) {
      if (awaitsApproval(command, run)) return this.#refusals.unapproved(run, path)
      return this.#refusals.command(run, path, 'permission', 'refused.command')
    }
    if (!isHere(command, run)) {
      if (awaitsApproval(command, run)) return this.#refusals.unapproved(run, path)
      const key = command.chats === 'private' ? 'refused.privateOnly' : 'refused.groupOnly'
      return this.#refusals.command(run, path, 'chat', key)
    }
    // a word that is none of its subcommands: running the command itself would hide the slip
    const astray =
      command.args === undefined && text !== '' && Object.keys(command.subcommands).length > 0
    if (command.run === undefined || astray) return this.#subcommands(run, found)
    if (command.args === undefined) return this.#carryOut(run, found, {})
    const t = this.#replies.in(run)
    const parsed = parseArguments(command.args, text, {
      t,
      own: instance.texts.in(run.language),
      language: run.language,
    })
    if (!parsed.ok && parsed.problem.reason === 'missing' && parsed.problem.field !== undefined) {
      if (await this.#dialogs.askArgument(run, found, parsed.problem.field)) return
    }
    // without any it could lack none
    if (!command.args.safeParse({}).success) await this.#dialogs.dropArgument(run, path)
    if (parsed.ok) return this.#carryOut(run, found, parsed.value)
    run.outcome = 'usage'
    const usage = t('usage', { usage: usageOf(path, command.args) })
    // the word may be a slip of a subcommand's
    const others = command === route.command && this.#replies.subcommands(run, route)
    run.say(message([parsed.problem.message, usage, ...(others ? [others] : [])].join('\n')))
  }

  /** A dangerous one asks first. */
  async #carryOut(run: UpdateRun, found: ArgumentDialog, value: unknown): Promise<void> {
    const { route, command } = found
    const { confirm, rateLimit } = command
    if (!(await this.#throttle.admitsTo(run, rateLimit))) return
    if (confirm !== undefined && run.isUser) {
      return this.#confirmations.ask(run, { ...found, command: { ...command, confirm }, value })
    }
    return this.#handle(run, route.instance, command.run, value)
  }

  /** Yes or no to a dangerous command. */
  async #pressConfirmation(run: UpdateRun, button: ConfirmationButton): Promise<void> {
    run.route = { plugin: cardOwner, name: `confirm.${button.answer}` }
    const confirmed = await this.#confirmations.decide(run, button.id, button.answer)
    if (confirmed === undefined) return
    const { route, path, command, value } = confirmed
    run.route = { plugin: route.instance.name, name: path }
    await this.#handle(run, route.instance, command.run, value)
  }

  #subcommands(run: UpdateRun, { route, path }: Found<'command'>): void {
    const text = this.#replies.subcommands(run, route)
    if (text === undefined) {
      const subs = Object.values(route.command.subcommands)
      if (subs.some((sub) => awaitsApproval(sub, run))) this.#refusals.unapproved(run, path)
      else this.#refusals.command(run, path, 'permission', 'refused.command')
    } else {
      run.outcome = 'usage'
      run.say(message(text))
    }
  }

  /** It was done when the update arrived. */
  #cancel(run: UpdateRun, { addressed }: Found<'unknown-command'>): void {
    const { cancelled, facts } = run
    if (cancelled === undefined && facts.chatType !== 'private' && !addressed) {
      run.outcome = 'unknown-command'
      return
    }
    const key = cancelled === undefined ? 'cancel.nothing' : 'cancel.done'
    run.say(message(this.#replies.in(run)(key, { name: cancelled })))
  }

  async #press(run: UpdateRun, { data }: Found<'press'>): Promise<void> {
    if (performance.now() - run.acceptedAt > pressFreshMs) return this.#letLapse(run)
    const button = await this.#buttons.read(run, data)
    if (button.kind === 'foreign') {
      const listening = run.routes.events.get('callback_query') ?? []
      return inPressTime(run, async () => {
        if (!(await this.#events(run, listening))) await this.#leftOver(run)
      })
    }
    if (button.kind === 'refused') {
      if (this.#refusals.off(run, this.#buttons.owner(run, data), 'alert')) return
      const [, plugin, action] = data.split(':')
      const isIt = (key: string, of: string) => of === plugin && key === `action:${action}`
      if (button.reason === 'stale' && this.#refusals.absent(run, isIt)) return
      this.#refusals.refuse(run, button.reason)
      if (button.reason === 'stale') run.outcome = 'stale'
      run.alert = this.#replies.in(run)(`button.${button.reason}`)
      return
    }
    if (button.kind === 'card') return inPressTime(run, () => this.#pressCard(run, button))
    if (button.kind === 'dialog') {
      if (!run.isUser) return
      return inPressTime(run, async () => {
        await this.#answer(run, await this.#dialogs.pressed(run, button))
      })
    }
    if (button.kind === 'confirmation') {
      return inPressTime(run, () => this.#pressConfirmation(run, button))
    }
    const { instance, name, action } = button.route
    run.route = { plugin: instance.name, name }
    if (!isPermitted(action, run)) {
      const waits = awaitsApproval(action, run)
      this.#refusals.refuse(run, waits ? 'unapproved' : 'permission')
      run.alert = this.#replies.in(run)(waits ? 'refused.unapprovedPress' : 'refused.press')
      return
    }
    await inPressTime(run, async () => {
      if (!(await this.#throttle.admitsTo(run, action.rateLimit))) return
      await this.#handle(run, instance, this.#unlessChanged(run, button), button.data)
    })
  }

  /** What a button does, as long as what it was made for is as it was then. */
  #unlessChanged(run: UpdateRun, button: Extract<ReadButton, { kind: 'action' }>): Handler {
    const { action } = button.route
    // typed where the plugin was written; the route keeps plugins of all types in one map
    const [work, told] = [action.run as Handler, action.fingerprint as Handler | undefined]
    if (told === undefined) return work
    return async (ctx, data) => {
      const now = await told(ctx, data)
      const isSame =
        (typeof now === 'string' || typeof now === 'number') &&
        fingerprintOf(now) === button.fingerprint
      if (isSame) return work(ctx, data)
      run.outcome = 'stale'
      run.alert = this.#replies.in(run)('button.changed')
      return undefined
    }
  }

  /** The presser has waited through an outage, and may want something else by now; their spinner has ended long ago. */
  #letLapse(run: UpdateRun): void {
    run.outcome = 'stale'
    run.pressAnswered = true
    run.log.info('update.lapsed', { userId: run.facts.userId })
    run.say(message(this.#replies.in(run)('button.lapsed')))
  }

  async #pressCard(run: UpdateRun, { card, version, action }: CardButton): Promise<void> {
    const { user, language, timeZone, facts } = run
    run.route = { plugin: cardOwner, name: `card.${action}` }
    const presser = { ...user, can: (permission: string) => run.can(permission) }
    const { text, refused } = await this.#cards.press({
      card,
      version,
      action,
      presser,
      reader: { language, timeZone },
      chatId: facts.chatId,
    })
    if (refused === undefined) run.toast = text
    else {
      this.#refusals.refuse(run, `card-${refused}`)
      run.alert = text
    }
  }

  /** All listeners whom the actor may trigger, in one unit of work. @returns whether there was one */
  async #events(run: UpdateRun, routes: readonly EventRoute[]): Promise<boolean> {
    let taken = false
    for (const { instance, event } of routes) {
      if (!isPermitted(event, run)) continue
      taken = true
      run.route = { plugin: instance.name, name: event.query }
      await this.#handle(run, instance, event.run, undefined)
    }
    return taken
  }

  async #leftOver(run: UpdateRun): Promise<void> {
    if (!(await this.#composers(run))) run.outcome = 'ignored'
  }

  /** Telegraf composers, by plugin name, until one doesn't call next. @returns whether one took it */
  async #composers(run: UpdateRun): Promise<boolean> {
    // they were written for active users
    if (!run.isUser) return false
    for (const instance of run.routes.composers) {
      waitIfHeld(run, instance)
      if (run.generation.quarantined.has(instance.name)) continue
      let passed = false
      await this.#timings.time(instance.name, 'telegraf', () =>
        asPlugin(instance.name, () =>
          instance.telegraf?.(contextFor(run, instance), async () => {
            passed = true
          }),
        ),
      )
      if (passed) continue
      run.route = { plugin: instance.name, name: 'telegraf' }
      return true
    }
    return false
  }

  async #handle(
    run: UpdateRun,
    instance: PluginInstance,
    handler: ((ctx: never, input: never) => unknown) | undefined,
    input: unknown,
  ): Promise<void> {
    waitIfHeld(run, instance)
    const quarantine = run.generation.quarantined.get(instance.name)
    if (quarantine !== undefined) {
      this.#refusals.refuse(run, 'quarantined')
      const text = this.#replies.in(run)('refused.quarantined', { errorId: quarantine.errorId })
      if (run.asked) run.say(message(text))
      return
    }
    const returned = await this.#timings.time(instance.name, run.route?.name ?? 'other', () =>
      asPlugin(instance.name, () =>
        // typed where the plugin was written; the route keeps plugins of all types in one map
        (handler as Handler | undefined)?.(contextFor(run, instance), input),
      ),
    )
    run.say(contentOf(returned))
    const { begun } = run
    run.begun = undefined
    if (begun === undefined) return
    const question = await asPlugin(instance.name, () => this.#dialogs.begin(run, begun))
    run.say(contentOf(question))
  }
}

/** Whether somebody asks for something; in groups people talk to each other, and commands may be other bots'. */
function isCounted({ facts, asked }: UpdateRun, found: Match): boolean {
  if (facts.kind === 'message' && facts.chatType === 'private') return true
  return asked && (found.kind !== 'unknown-command' || found.addressed)
}

/** @throws PluginHeld while an exclusive plugin is being replaced: the update is run again after it */
function waitIfHeld({ generation }: UpdateRun, { name }: PluginInstance): void {
  const held = generation.held.get(name)
  if (held !== undefined) throw new PluginHeld(name, held.until)
}

/** Ends the presser's spinner in the middle of work that takes its time. */
async function inPressTime(run: UpdateRun, work: () => Promise<void>): Promise<void> {
  const late = setTimeout(() => void run.answerPress(), pressLimitMs)
  try {
    await work()
  } finally {
    clearTimeout(late)
  }
}
