/** What the page knows: people, chats, messages, what is unread; and as whom it looks at which chat. */
export class Model extends EventTarget {
  bot = { id: 0, name: '', username: '' }
  people = []
  chats = new Map()
  /** By chat: messages by id, in order. */
  messages = new Map()
  /** By chat: what stands under the input field. */
  keyboards = new Map()
  /** By `person:chat`. */
  unread = new Map()
  /** By chat: `{ action, until }`. */
  typing = new Map()
  as = 0
  chat = 0

  load(state) {
    const fresh = this.people.length === 0
    this.bot = state.bot
    this.people = state.people
    this.chats = new Map(state.chats.map((chat) => [chat.id, chat]))
    this.messages = new Map(state.chats.map((chat) => [chat.id, new Map()]))
    this.keyboards.clear()
    for (const message of state.messages) this.#keep(message)
    if (fresh) this.#restore()
    this.#changed('all')
  }

  person(id) {
    return this.people.find((person) => person.id === id)
  }

  /** The chats a person is in, the private one first, then by the newest message. */
  chatsOf(as) {
    const mine = [...this.chats.values()].filter((chat) =>
      chat.type === 'private' ? chat.id === as : chat.members.includes(as),
    )
    return mine.sort(
      (a, b) =>
        Number(b.type === 'private') - Number(a.type === 'private') ||
        (this.last(b.id)?.date ?? 0) - (this.last(a.id)?.date ?? 0),
    )
  }

  titleOf(chat) {
    return chat.type === 'private' ? this.bot.name : chat.title
  }

  last(chatId) {
    return [...(this.messages.get(chatId)?.values() ?? [])].at(-1)
  }

  get current() {
    return this.chats.get(this.chat)
  }

  unreadOf(as, chat) {
    return this.unread.get(`${as}:${chat}`) ?? 0
  }

  unreadOfPerson(as) {
    return this.chatsOf(as).reduce((sum, chat) => sum + this.unreadOf(as, chat.id), 0)
  }

  go(as, chat) {
    const chats = this.chatsOf(as)
    this.as = as
    this.chat = chats.some((c) => c.id === chat) ? chat : (chats[0]?.id ?? 0)
    this.unread.delete(`${this.as}:${this.chat}`)
    history.replaceState(null, '', `#/${this.as}/${this.chat}`)
    this.#changed('place')
  }

  add(message) {
    // It may already have come with the whole state.
    if (this.messages.get(message.chat)?.has(message.id)) return this.edit(message)
    this.#keep(message)
    if (message.from.bot) this.typing.delete(message.chat)
    for (const { id } of this.people) {
      const here = id === this.as && message.chat === this.chat
      const theirs = this.chatsOf(id).some((chat) => chat.id === message.chat)
      if (!theirs || here || message.from.id === id || message.service) continue
      this.unread.set(`${id}:${message.chat}`, this.unreadOf(id, message.chat) + 1)
    }
    return this.#changed('message', message)
  }

  edit(message) {
    this.messages.get(message.chat)?.set(message.id, message)
    this.#changed('edit', message)
  }

  remove({ chat, id }) {
    this.messages.get(chat)?.delete(id)
    this.#changed('delete', { chat, id })
  }

  setChat(chat) {
    this.chats.set(chat.id, chat)
    if (!this.messages.has(chat.id)) this.messages.set(chat.id, new Map())
    this.#changed('chat', chat)
  }

  setTyping({ chatId, action }) {
    // Telegram's own clients show it for about as long.
    const lasts = 5000
    this.typing.set(chatId, { action, until: Date.now() + lasts })
    setTimeout(() => this.#changed('typing'), lasts + 50)
    this.#changed('typing')
  }

  typingIn(chatId) {
    const typing = this.typing.get(chatId)
    return typing && typing.until > Date.now() ? typing.action : undefined
  }

  #keep(message) {
    const chat = this.messages.get(message.chat) ?? new Map()
    this.messages.set(message.chat, chat)
    chat.set(message.id, message)
    if (message.keyboard?.remove_keyboard) this.keyboards.delete(message.chat)
    else if (message.keyboard) this.keyboards.set(message.chat, message.keyboard)
  }

  #restore() {
    const [, as, chat] = location.hash.split('/').map(Number)
    const first = this.people.find((person) => person.id === as) ?? this.people[0]
    if (first) this.go(first.id, chat)
  }

  #changed(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
    this.dispatchEvent(new CustomEvent('any'))
  }
}
