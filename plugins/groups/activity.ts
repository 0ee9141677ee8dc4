import type { EntityManager } from 'opsgram'

interface Count {
  readonly chatId: number
  readonly day: string
  messages: number
  commands: number
}

/** How much is said in chats: counted here, and written as one row a chat and day. A killed process loses a minute of it. */
export class Activity {
  readonly #em: () => EntityManager
  #counts = new Map<string, Count>()

  constructor(em: () => EntityManager) {
    this.#em = em
  }

  said(chatId: number, at: Date, isCommand: boolean): void {
    const day = at.toISOString().slice(0, 10)
    const key = `${chatId} ${day}`
    const count = this.#counts.get(key) ?? { chatId, day, messages: 0, commands: 0 }
    count.messages++
    if (isCommand) count.commands++
    this.#counts.set(key, count)
  }

  /** A group that became a supergroup takes its day along. */
  moved(from: number, to: number): void {
    for (const [key, count] of this.#counts) {
      if (count.chatId !== from) continue
      this.#counts.delete(key)
      this.#counts.set(`${to} ${count.day}`, { ...count, chatId: to })
    }
  }

  /** @throws what the database does: then nothing is forgotten */
  async flush(): Promise<void> {
    const counts = [...this.#counts.values()]
    if (counts.length === 0) return
    this.#counts = new Map()
    try {
      await this.#em().execute(
        `with said as (
           select * from jsonb_to_recordset(?::jsonb) as r("chatId" bigint, day date, messages int, commands int)),
         seen as (
           update groups_chats set seen_at = now() from said where chat_id = said."chatId")
         insert into groups_activity as a (chat_id, day, messages, commands)
         select "chatId", day, messages, commands from said
         on conflict (chat_id, day) do update
           set messages = a.messages + excluded.messages, commands = a.commands + excluded.commands`,
        [JSON.stringify(counts)],
      )
    } catch (error) {
      for (const { chatId, day, messages, commands } of counts) {
        const key = `${chatId} ${day}`
        const since = this.#counts.get(key) ?? { chatId, day, messages: 0, commands: 0 }
        since.messages += messages
        since.commands += commands
        this.#counts.set(key, since)
      }
      throw error
    }
  }
}
