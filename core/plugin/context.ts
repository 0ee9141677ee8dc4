import { Context } from 'telegraf'
import type { Update } from 'telegraf/types'
import type { EntityManager } from '../database/orm.ts'
import { OpsError } from '../errors.ts'
import type { Translate } from '../i18n/texts.ts'
import type { Logger } from '../log/logger.ts'
import type { Html } from '../telegram/html.ts'
import type { Actor } from './access.ts'
import { type Button, type Content, contentOf } from './content.ts'
import type { PluginInstance } from './instance.ts'
import type { ButtonOptions } from './manifest.ts'
import type { UpdateRun } from './run.ts'

const runOf = Symbol('run')
const instanceOf = Symbol('instance')
type ReplyParameters = Parameters<Context['reply']>
type Sent = Awaited<ReturnType<Context['reply']>>

/**
 * Telegraf's Context with what a handler of ours gets on top. One object an update; each plugin sees
 * it through a view of its own (`contextFor`), whose `config`, `plugin`, `use` and texts are its own.
 */
export class OpsContext<U extends Update = Update> extends Context<U> {
  readonly [runOf]: UpdateRun
  readonly [instanceOf]: PluginInstance | undefined

  constructor(run: UpdateRun) {
    // the router gives a handler only updates of the kind that its route asks for
    super(run.update as U, run.telegram, run.botInfo)
    this[runOf] = run
    this[instanceOf] = undefined
  }

  get actor(): Actor {
    return this[runOf].actor
  }

  get config(): unknown {
    return pluginBehind(this).config
  }

  get plugin(): unknown {
    return pluginBehind(this).result
  }

  get use(): unknown {
    return pluginBehind(this).use
  }

  /** This plugin's texts in the actor's language. */
  get t(): Translate {
    return pluginBehind(this).texts.in(this[runOf].language)
  }

  /**
   * The unit of work of this update: what is created, changed or removed here is written in the
   * transaction that completes the update, or not at all when the handler throws.
   */
  get em(): EntityManager {
    return this[runOf].em
  }

  get log(): Logger {
    return this[runOf].log
  }

  /** Aborted at the handler's deadline and at shutdown. */
  get signal(): AbortSignal {
    return this[runOf].signal
  }

  /** May the actor do this, here? Permissions that no live plugin declares: no. */
  can(permission: string): boolean {
    return this[runOf].can(permission)
  }

  button(action: string, data: unknown, options: ButtonOptions = {}): Button {
    const instance = pluginBehind(this)
    const definition = instance.actions.get(action)
    if (definition === undefined) {
      throw new OpsError('OPS_BUTTON', `Plugin ${instance.name} has no action "${action}"`)
    }
    const parsed = definition.data?.safeParse(data)
    if (parsed?.success === false) {
      throw new OpsError(
        'OPS_BUTTON',
        `The data of a "${action}" button of plugin ${instance.name} doesn't fit its schema`,
        { cause: parsed.error },
      )
    }
    return {
      kind: 'button',
      plugin: instance.name,
      action,
      label: options.label ?? this.t(`actions.${action}.label`),
      // the input, not the parsed output: it is parsed again when the button is pressed
      data: (data ?? {}) as Record<string, unknown>,
      presser: options.anyone === true ? 'anyone' : this[runOf].user.telegramId,
    }
  }

  /** Refuses the update: nothing after this middleware runs. `code` goes to the log. */
  refuse(code: string): void {
    this[runOf].refused ??= code
  }

  /** Answers at once, regardless of the commit. Takes text, `html` and `message(…)` alike. */
  override reply(
    content: ReplyParameters[0] | Html | Content,
    extra?: ReplyParameters[1],
  ): Promise<Sent> {
    const own = typeof content === 'string' ? undefined : contentOf(content)
    if (own === undefined) return super.reply(content as ReplyParameters[0], extra)
    return this[runOf].sender.send(this[runOf], { ...own, mode: 'send' }, extra)
  }

  override answerCbQuery(...args: Parameters<Context['answerCbQuery']>): Promise<true> {
    this[runOf].pressAnswered = true
    return super.answerCbQuery(...args)
  }
}

/**
 * The same update as one plugin sees it. It inherits from the one context, so state is shared, while
 * middleware of several plugins that wrap each other keep their own config, services and texts.
 */
export function contextFor(ctx: OpsContext, instance: PluginInstance): OpsContext {
  return Object.create(ctx, { [instanceOf]: { value: instance } })
}

// a plain function, not a private member: views inherit from the context and carry no brand of the class
function pluginBehind(ctx: { readonly [instanceOf]: PluginInstance | undefined }): PluginInstance {
  const instance = ctx[instanceOf]
  if (instance === undefined) {
    throw new OpsError('OPS_INTERNAL', 'A context was used outside any plugin')
  }
  return instance
}

/** The state behind a context. */
export function runBehind(ctx: OpsContext): UpdateRun {
  return ctx[runOf]
}
