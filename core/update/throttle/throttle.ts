import type { Rate } from '../../../config/limits.ts'
import type { Texts } from '../../i18n/texts.ts'
import { isOwner } from '../../plugin/access.ts'
import type { RateLimit } from '../../plugin/manifest/command.ts'
import { message } from '../../plugin/run/content.ts'
import type { UpdateRun } from '../../plugin/run/run.ts'
import type { BucketLimit, Store } from '../../store/store.ts'

export interface ThrottleOptions {
  /** Counts for all instances; while Redis is away each instance counts for itself. */
  readonly store: Pick<Store, 'take'>
  readonly texts: Texts
  readonly person: Rate | undefined
  readonly chat: Rate | undefined
}

/** Whose measure was full. */
export type LimitKind = 'person' | 'chat' | 'command'

/** Whoever is too fast hears of it at most so often, s. */
const tellEveryS = 30
/** Waits from here on are told in minutes, s. */
const minutesFromS = 91

/**
 * Refuses what is asked for too often: told once, then silence; a press is answered in any case. Owners are exempt.
 * What nobody asked for (joins, reactions, talk in groups) has no limit: to refuse it would make wrong what the bot knows.
 */
export class Throttle {
  /** How much was refused. */
  readonly refused: Record<LimitKind, number> = { person: 0, chat: 0, command: 0 }
  readonly #options: ThrottleOptions
  /** What was let through: a run that is repeated isn't counted again. */
  readonly #passed = { person: new WeakSet(), chat: new WeakSet(), command: new WeakSet() }

  constructor(options: ThrottleOptions) {
    this.#options = options
  }

  /** By who asks, and where. @returns false when it was refused, and said */
  async admits(run: UpdateRun): Promise<boolean> {
    const { person, chat } = this.#options
    const { userId, chatId, chatType = 'private' } = run.facts
    if (person !== undefined && userId !== undefined) {
      if (!(await this.#take(run, 'person', bucketOf(`person:${userId}`, person)))) return false
    }
    if (chat === undefined || chatId === undefined || chatType === 'private') return true
    // strangers have a measure of their own: a few of them must not be able to silence the group's colleagues
    const whose = run.isUser ? 'chat' : 'strangers'
    return this.#take(run, 'chat', bucketOf(`${whose}:${chatId}`, chat))
  }

  /**
   * By what is asked for. To be called after the permission was checked, so that nobody uses up what others share.
   * @returns false when it was refused, and said
   */
  async admitsTo(run: UpdateRun, limit: RateLimit | undefined): Promise<boolean> {
    if (limit === undefined) return true
    const { count, perS, by = 'person' } = limit
    const { userId, chatId } = run.facts
    const whose = { person: `person:${userId}`, chat: `chat:${chatId}`, everybody: 'all' }[by]
    const strangers = run.isUser ? '' : ':strangers'
    const name = `${run.route?.plugin}:${run.route?.name}:${whose}${strangers}`
    return this.#take(run, 'command', bucketOf(name, { count, perMs: perS * 1_000 }))
  }

  async #take(run: UpdateRun, kind: LimitKind, bucket: BucketLimit): Promise<boolean> {
    const passed = this.#passed[kind]
    if ((run.isUser && isOwner(run.user)) || passed.has(run.update)) return true
    const waitMs = await this.#options.store.take([bucket])
    if (waitMs === 0) {
      passed.add(run.update)
      return true
    }
    this.refused[kind]++
    run.refuse('rate')
    run.log.info('update.limited', { limit: kind, waitMs })
    await this.#tell(run, bucket, Math.ceil(waitMs / 1_000))
    return false
  }

  async #tell(run: UpdateRun, { key }: BucketLimit, waitS: number): Promise<void> {
    const t = this.#options.texts.in(run.language)
    const text =
      waitS < minutesFromS
        ? t('tooFast.seconds', { count: waitS })
        : t('tooFast.minutes', { count: Math.ceil(waitS / 60) })
    if (run.pressId !== undefined) run.alert = text
    // of a group's measure one hears for all
    else if (
      (await this.#options.store.take([
        { key: `${key}:told`, capacity: 1, perSecond: 1 / tellEveryS },
      ])) === 0
    ) {
      run.say(message(text))
    }
  }
}

function bucketOf(name: string, { count, perMs }: Rate): BucketLimit {
  return { key: `limit:${name}`, capacity: count, perSecond: count / (perMs / 1_000) }
}
