import type { ServerSession } from '../session.ts'
import { newsChannel } from './channels.ts'

export interface NewsOptions {
  session: Pick<ServerSession, 'query' | 'listen' | 'onResumed'>
  /** Id of this instance, which doesn't hear itself. */
  instance: string
}

/** One word from instance to instance: where to look. What there is to see stands in a table or on a disk. */
export class News {
  readonly #options: NewsOptions
  readonly #listeners: ((subject: string) => void)[] = []

  constructor(options: NewsOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { session, instance } = this.#options
    await session.listen(newsChannel, (payload) => {
      const space = payload.indexOf(' ')
      if (payload.slice(0, space) === instance) return
      for (const listener of this.#listeners) listener(payload.slice(space + 1))
    })
  }

  /** @param subject what is new: `reload:worklog` */
  async tell(subject: string): Promise<void> {
    const { session, instance } = this.#options
    await session.query('select pg_notify($1, $2)', [newsChannel, `${instance} ${subject}`])
  }

  /**
   * A part of the news for one reader.
   * @param prefix of its subjects; left out for it
   * @param failed told what could not be sent
   */
  under(prefix: string, failed: (error: unknown) => void) {
    return {
      tell: (topic: string) => this.tell(`${prefix}${topic}`).catch(failed),
      onHeard: (listener: (topic: string) => void) =>
        this.onHeard((subject) => {
          if (subject.startsWith(prefix)) listener(subject.slice(prefix.length))
        }),
      onMissed: (listener: () => void) => this.onMissed(listener),
    }
  }

  onHeard(listener: (subject: string) => void): void {
    this.#listeners.push(listener)
  }

  /** Called when some may have been missed: the connection was broken. */
  onMissed(listener: () => void): void {
    this.#options.session.onResumed(listener)
  }
}
