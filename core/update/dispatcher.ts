import type { UserFromGetMe } from 'telegraf/types'
import type { Texts, Translate } from '../i18n/texts.ts'
import { parseArguments, usageOf } from '../plugin/arguments.ts'
import { nearest } from '../plugin/code/nearest.ts'
import { type Answer, contentOf } from '../plugin/content.ts'
import { contextFor, type LiveContext } from '../plugin/context.ts'
import type { PluginInstance } from '../plugin/instance.ts'
import type { CommandRoute } from '../plugin/routes.ts'
import type { UpdateRun } from '../plugin/run.ts'
import { isHere, isPermitted, isUsable } from '../plugin/usable.ts'
import type { ButtonReader } from './button-reader.ts'
import { runChain } from './chain.ts'
import { type Match, match } from './router.ts'

export interface DispatcherOptions {
  botInfo: UserFromGetMe
  /** The core's own texts: refusals, usage, errors. */
  texts: Texts
  buttons: ButtonReader
}

type Handler = (ctx: LiveContext, input?: unknown) => unknown

/** A press is answered by then at the latest: Telegram's clients show a spinner until it is. */
const pressLimitMs = 700

/** How often the log says that there is no authenticator, ms. */
const gateReportMs = 60_000

/**
 * The way of one update through a generation: observe → authenticate → throttle → context →
 * authorize → route → handler. What the handler returned is left on the run, to be sent after the
 * commit. A throw of the handler comes out of `dispatch`.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions
  #gateReportedAt = Number.NEGATIVE_INFINITY

  constructor(options: DispatcherOptions) {
    this.#options = options
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
    if (observe.length === 0) return settle(() => this.#admit(run))
    let settled: Promise<void> | undefined
    const work = () => {
      settled ??= settle(() => this.#admit(run))
      return settled
    }
    try {
      await runChain(run, observe, work)
    } catch (error) {
      // an observer can't refuse: what it threw is its own trouble, the update goes its way
      run.log.error('observe.failed', { error })
    }
    await work()
  }

  async #admit(run: UpdateRun): Promise<void> {
    if (!(await this.#authenticate(run))) return
    const { authenticate, throttle, context } = run.generation.routes.middleware
    const chain = [...authenticate, ...throttle, ...context]
    await this.#reach(run, chain, () => this.#admitted(run))
  }

  async #admitted(run: UpdateRun): Promise<void> {
    await this.#authorize(run)
    await this.#reach(run, run.generation.routes.middleware.authorize, () => this.#route(run))
  }

  async #reach(
    run: UpdateRun,
    chain: Parameters<typeof runChain>[1],
    end: () => Promise<void>,
  ): Promise<void> {
    if (chain.length === 0) return end()
    if (await runChain(run, chain, end)) return
    run.refused ??= 'middleware'
    run.outcome = 'refused'
  }

  /** Fail closed: no authenticator, a throw, nobody known: refused. */
  async #authenticate(run: UpdateRun): Promise<boolean> {
    const { authenticator, authorizer } = run.generation
    if (authenticator === undefined || authorizer === undefined) {
      this.#reportGate(run, authenticator === undefined ? 'authenticator' : 'authorizer')
      run.refused = 'no-gate'
      run.outcome = 'refused'
      return false
    }
    const decision = await authenticator.authenticate(run.facts)
    run.actor = decision.actor
    if (decision.admitted) return true
    run.refused = decision.reason
    run.outcome = 'refused'
    run.log.info('auth.refused', { userId: run.facts.userId, reason: decision.reason })
    if (decision.answer !== undefined && run.facts.chatType === 'private') {
      run.answer = contentOf(decision.answer)
    }
    return false
  }

  async #authorize(run: UpdateRun): Promise<void> {
    const { authorizer } = run.generation
    if (authorizer === undefined) return
    const { chatId, threadId } = run.facts
    run.may = await authorizer.permissionsOf(run.user, {
      ...(chatId === undefined ? {} : { chatId }),
      ...(threadId === undefined ? {} : { threadId }),
    })
  }

  #reportGate(run: UpdateRun, missing: string): void {
    const now = performance.now()
    if (now - this.#gateReportedAt < gateReportMs) return
    this.#gateReportedAt = now
    run.log.error('auth.gate-missing', {
      missing,
      hint: 'No live plugin provides it, so every update is refused. Load the auth plugin.',
    })
  }

  // ── route ─────────────────────────────────────────────────────────────────────────────────────

  async #route(run: UpdateRun): Promise<void> {
    const { botInfo } = this.#options
    const found = match(run.update, run.facts, run.generation.routes, botInfo.username)
    switch (found.kind) {
      case 'command':
        return this.#command(run, found)
      case 'press':
        return this.#press(run, found.data)
      case 'events':
        return this.#events(run, found)
      case 'unknown-command':
        if (await this.#composers(run)) return
        return this.#unknownCommand(run, found)
      case 'none':
        if (!(await this.#composers(run))) run.outcome = 'ignored'
    }
  }

  async #command(
    run: UpdateRun,
    { route, command, path, text }: Extract<Match, { kind: 'command' }>,
  ): Promise<void> {
    const { instance } = route
    run.route = { plugin: instance.name, name: path }
    const say = this.#say(run)
    if (!isPermitted(command, run)) {
      return this.#refuse(run, 'permission', say('refused.command', { command: `/${path}` }))
    }
    if (!isHere(command, run)) {
      const key = command.chats === 'private' ? 'refused.privateOnly' : 'refused.groupOnly'
      return this.#refuse(run, 'chat', say(key, { command: `/${path}` }))
    }
    if (command.run === undefined) {
      run.answer = contentOf(this.#usage(run, path, route))
      return
    }
    if (command.args === undefined) {
      // a word that is none of its subcommands: running the command itself would hide the slip
      const astray = text !== '' && Object.keys(command.subcommands).length > 0
      if (!astray) return this.#handle(run, instance, command.run, {})
      run.answer = contentOf(this.#usage(run, path, route))
      return
    }
    const parsed = parseArguments(command.args, text, {
      t: say,
      own: instance.texts.in(run.language),
      language: run.language,
    })
    if (parsed.ok) return this.#handle(run, instance, command.run, parsed.value)
    run.outcome = 'usage'
    run.answer = contentOf(
      `${parsed.problem.message}\n${say('usage', { usage: usageOf(path, command.args) })}`,
    )
  }

  async #press(run: UpdateRun, data: string): Promise<void> {
    const button = await this.#options.buttons.read(run, data)
    if (button.kind === 'foreign') {
      if (!(await this.#composers(run))) run.outcome = 'ignored'
      return
    }
    const say = this.#say(run)
    if (button.kind === 'refused') {
      run.outcome = button.reason === 'stale' ? 'stale' : 'refused'
      run.refused = button.reason
      run.alert = say(`button.${button.reason}`)
      return
    }
    const { route } = button
    run.route = { plugin: route.instance.name, name: route.name }
    if (route.action.permission !== undefined && !run.can(route.action.permission)) {
      run.outcome = 'refused'
      run.refused = 'permission'
      run.alert = say('refused.press')
      return
    }
    const late = setTimeout(() => void run.answerPress(), pressLimitMs)
    try {
      await this.#handle(run, route.instance, route.action.run, button.data)
    } finally {
      clearTimeout(late)
    }
  }

  async #events(run: UpdateRun, { routes }: Extract<Match, { kind: 'events' }>): Promise<void> {
    run.outcome = 'ignored'
    for (const { instance, event } of routes) {
      if (event.permission !== undefined && !run.can(event.permission)) continue
      run.outcome = 'done'
      run.route = { plugin: instance.name, name: event.query }
      await this.#handle(run, instance, event.run, undefined)
    }
  }

  /** Telegraf composers, by plugin name, until one doesn't call next. */
  async #composers(run: UpdateRun): Promise<boolean> {
    for (const instance of run.generation.routes.composers) {
      let passed = false
      await instance.telegraf?.(contextFor(run, instance), async () => {
        passed = true
      })
      if (passed) continue
      run.route = { plugin: instance.name, name: 'telegraf' }
      return true
    }
    return false
  }

  async #handle(
    run: UpdateRun,
    instance: PluginInstance,
    handler: (ctx: never, input: never) => unknown,
    input: unknown,
  ): Promise<void> {
    // typed where the plugin was written; the route keeps plugins of all types in one map
    const returned = await (handler as Handler)(contextFor(run, instance), input)
    run.answer = contentOf(returned as Answer) ?? run.answer
  }

  // ── what the core itself says ─────────────────────────────────────────────────────────────────

  #say(run: UpdateRun): Translate {
    return this.#options.texts.in(run.language)
  }

  #refuse(run: UpdateRun, reason: string, text: string): void {
    run.outcome = 'refused'
    run.refused = reason
    run.answer = contentOf(text)
    run.log.info('command.refused', { userId: run.facts.userId, reason, command: run.route?.name })
  }

  #unknownCommand(
    run: UpdateRun,
    { word, addressed }: Extract<Match, { kind: 'unknown-command' }>,
  ): void {
    run.outcome = 'unknown-command'
    // in a group the command may well be another bot's
    if (run.facts.chatType !== 'private' && !addressed) return
    const { commands } = run.generation.routes
    const permitted = [...commands].flatMap(([name, { command }]) =>
      isUsable(command, run) ? [name] : [],
    )
    const suggestion = nearest(word, permitted)
    const say = this.#say(run)
    run.answer = contentOf(
      suggestion === undefined
        ? say('unknownCommand', { command: `/${word}` })
        : say('unknownCommandNearest', { command: `/${word}`, suggestion: `/${suggestion}` }),
    )
  }

  /** `/worklog` alone: its subcommands, as far as the person may use them. */
  #usage(run: UpdateRun, path: string, { instance, name, command }: CommandRoute): string {
    run.outcome = 'usage'
    const t = instance.texts.in(run.language)
    const lines = Object.entries(command.subcommands)
      .filter(([, sub]) => isUsable(sub, run))
      .map(([word, { args }]) => {
        const description = t(`commands.${name}.${word}.description`)
        return `${usageOf(`${path} ${word}`, args)} — ${description}`
      })
    const say = this.#say(run)
    return lines.length === 0
      ? say('refused.command', { command: `/${path}` })
      : [say('subcommands'), ...lines].join('\n')
  }
}
