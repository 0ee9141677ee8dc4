import type { ServerResponse } from 'node:http'
import type { FakeBotApi } from '../bot-api/api.ts'
import type { Chat } from '../bot-api/world/chat.ts'
import type { StoredMessage } from '../bot-api/world/message.ts'
import type { PlaygroundNotice, PlaygroundNotices } from './notices.ts'
import { answerView, chatView, messageView } from './view.ts'

/** A page that doesn't read any more is hung up on; it comes back and asks for everything. */
const backlogBytes = 4 * 1024 * 1024
/** Proxies and browsers give up on silent connections after a minute or so. */
const heartbeatMs = 25_000

/** Server-Sent Events to all open pages: whatever happens in the fake, as it happens. */
export class EventStream {
  readonly #pages = new Set<ServerResponse>()
  readonly #failed = new Map<string, PlaygroundNotice>()
  readonly #leave: (() => void)[] = []
  readonly #heartbeat: NodeJS.Timeout

  constructor(api: FakeBotApi, notices: PlaygroundNotices | undefined) {
    const message = (m: StoredMessage) => this.#send('message', messageView(m))
    const changed = (m: StoredMessage) => this.#send('edit', messageView(m))
    const deleted = (m: StoredMessage) => this.#send('delete', { chat: m.chatId, id: m.id })
    const chat = (c: Chat) => this.#send('chat', chatView(c))
    const commands = () => this.#send('commands', {})
    const answer = (a: Parameters<typeof answerView>[0]) => this.#send('answer', answerView(a))
    const typing = (t: object) => this.#send('typing', t)
    const notice = (told: PlaygroundNotice) => this.#notice(told)
    api.on('message', message).on('edit', changed).on('reaction', changed).on('delete', deleted)
    api.on('chat', chat).on('commands', commands).on('answer', answer).on('typing', typing)
    notices?.on('notice', notice)
    this.#leave.push(
      () => api.off('message', message).off('edit', changed).off('reaction', changed),
      () => api.off('delete', deleted).off('chat', chat).off('commands', commands),
      () => api.off('answer', answer).off('typing', typing),
      () => notices?.off('notice', notice),
    )
    this.#heartbeat = setInterval(() => {
      for (const page of this.#pages) page.write(':\n\n')
    }, heartbeatMs).unref()
  }

  /** What is wrong now: the newest of each plugin and topic that failed. A page that opens later must see it too. */
  get failed(): readonly PlaygroundNotice[] {
    return [...this.#failed.values()]
  }

  open(page: ServerResponse): void {
    page.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    page.write('retry: 1000\n\n')
    this.#pages.add(page)
    page.on('close', () => this.#pages.delete(page))
  }

  close(): void {
    for (const leave of this.#leave.splice(0)) leave()
    clearInterval(this.#heartbeat)
    for (const page of this.#pages) page.end()
  }

  #notice(notice: PlaygroundNotice): void {
    const about = notice.type === 'reload' ? `plugin ${notice.plugin}` : notice.topic
    if (notice.ok) this.#failed.delete(about)
    else this.#failed.set(about, notice)
    this.#send(notice.type, notice)
  }

  #send(event: string, data: object): void {
    if (this.#pages.size === 0) return
    const text = `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
    for (const page of this.#pages) {
      if (page.writableLength > backlogBytes) page.destroy()
      else page.write(text)
    }
  }
}
