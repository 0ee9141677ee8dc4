import { type AbsentWay, absentWays } from '../plugin/catalog/absent.ts'
import type { PluginStatus } from '../plugin/catalog/plugins.ts'
import type { PluginInstance } from '../plugin/generation/instance.ts'
import { message } from '../plugin/run/content.ts'
import type { UpdateRun } from '../plugin/run/run.ts'
import type { Replies } from './replies.ts'

/** What isn't done is on the run, in the log, and told to who asked. */
export class Refusals {
  readonly #replies: Replies
  readonly #states: () => readonly PluginStatus[]

  /** @param states where every known plugin stands */
  constructor(replies: Replies, states: () => readonly PluginStatus[]) {
    this.#replies = replies
    this.#states = states
  }

  /** Says nothing to the person. */
  refuse(run: UpdateRun, reason: string): void {
    run.refuse(reason)
    const { plugin, name } = run.route ?? {}
    run.log.info('update.refused', { userId: run.facts.userId, reason, plugin, route: name })
  }

  /** @param key of the core's texts; it gets `command` */
  command(run: UpdateRun, path: string, reason: string, key: string): void {
    this.refuse(run, reason)
    run.say(message(this.#replies.in(run)(key, { command: `/${path}` })))
  }

  unapproved(run: UpdateRun, path: string): void {
    this.command(run, path, 'unapproved', 'refused.unapproved')
  }

  /** What somebody switched off in this chat says so when it is asked for, and is silent otherwise. */
  off(run: UpdateRun, plugin: PluginInstance | undefined, how: 'say' | 'alert'): boolean {
    if (plugin === undefined || !run.isOffHere(plugin.name)) return false
    this.refuse(run, 'off-here')
    this.#tell(run, this.#replies.in(run)('refused.offHere', { plugin: plugin.name }), how)
    return true
  }

  /**
   * What belongs to a plugin that doesn't serve says so, to those who might use it else.
   *
   * @param command as it is written; undefined: a button was pressed
   */
  absent(
    run: UpdateRun,
    fits: (key: string, plugin: string) => boolean,
    command?: string,
  ): boolean {
    const mayKnow = ({ permission }: AbsentWay) =>
      run.isUser && (permission === undefined || run.may(permission))
    const way = absentWays(fits, run.generation, this.#states()).find(mayKnow)
    if (way === undefined) return false
    const { plugin, state } = way
    this.refuse(run, `plugin-${state}`)
    const t = this.#replies.in(run)
    if (command === undefined) this.#tell(run, t(`absent.press.${state}`, { plugin }), 'alert')
    else this.#tell(run, t(`absent.command.${state}`, { plugin, command }), 'say')
    return true
  }

  #tell(run: UpdateRun, text: string, how: 'say' | 'alert'): void {
    if (how === 'alert') run.alert = text
    else run.say(message(text))
  }
}
