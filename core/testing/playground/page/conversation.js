import { bubble } from './bubble.js'
import { byId, dayOf, h, icon, paintAvatar } from './dom.js'

const shownAtOnce = 300
/** Messages of one author closer than this stand as one group; seconds. */
const together = 300

const doing = {
  typing: 'typing',
  upload_photo: 'sending a photo',
  upload_document: 'sending a file',
  upload_video: 'sending a video',
  record_voice: 'recording',
}

/** The messages of the current chat and the bar above them. */
export class Conversation {
  #model
  #look
  #log = byId('log')
  #toBottom = byId('to-bottom')
  #thread
  #missed = 0
  /** The newest message is in view and is to stay there. */
  #stuck = true
  #top = 0

  /** @param {object} look what bubbles need besides the message: see bubble.js */
  constructor(model, look) {
    this.#model = model
    this.#look = look
    this.#toBottom.append(icon('down'), h('span', { class: 'badge', hidden: true }))
    this.#toBottom.addEventListener('click', () => this.#scrollDown(true))
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true })
    // Pictures that arrive and keyboards that open must not push the newest message out of sight.
    const stay = () => this.#stuck && this.#scrollDown()
    this.#log.addEventListener('load', stay, { capture: true })
    new ResizeObserver(stay).observe(this.#log)
    for (const event of ['all', 'place']) model.addEventListener(event, () => this.#redraw())
    model.addEventListener('message', ({ detail }) => this.#append(detail))
    model.addEventListener('edit', ({ detail }) => this.refresh(detail))
    model.addEventListener('delete', ({ detail }) => this.#remove(detail))
    model.addEventListener('chat', () => this.#drawBar())
    model.addEventListener('typing', () => this.#drawTyping())
  }

  /** The topic that is looked at; messages go there. */
  get thread() {
    return this.#thread
  }

  jump(id) {
    const element = this.#find(id)
    if (!element) return
    element.scrollIntoView({ block: 'center', behavior: 'smooth' })
    element.classList.remove('flash')
    requestAnimationFrame(() => element.classList.add('flash'))
  }

  /** Draws one message anew, if it is on show. */
  refresh(message) {
    if (message.chat !== this.#model.chat) return
    const down = this.#isDown()
    this.#find(message.id)?.replaceWith(bubble(message, this.#looks()))
    this.#group()
    if (down) this.#scrollDown()
  }

  #redraw() {
    if (!this.#model.current?.topics.some((topic) => topic.id === this.#thread)) {
      this.#thread = undefined
    }
    const all = [...(this.#model.messages.get(this.#model.chat)?.values() ?? [])]
    const look = this.#looks()
    const shown = all.filter((m) => this.#inThread(m)).slice(-shownAtOnce)
    this.#log.replaceChildren(...shown.map((message) => bubble(message, look)))
    if (shown.length === 0) this.#log.append(this.#welcome())
    this.#group()
    this.#drawBar()
    this.#drawTyping()
    this.#scrollDown()
  }

  #append(message) {
    if (message.chat !== this.#model.chat || !this.#inThread(message)) return
    const down = this.#isDown() || message.from.id === this.#model.as
    this.#log.querySelector('.welcome')?.remove()
    const element = bubble(message, this.#looks())
    element.classList.add('fresh')
    this.#log.append(element)
    while (this.#log.children.length > shownAtOnce * 1.5) this.#log.firstElementChild?.remove()
    this.#drawTyping()
    this.#group()
    if (down) this.#scrollDown()
    else this.#miss(1)
  }

  #remove({ chat, id }) {
    if (chat !== this.#model.chat) return
    this.#find(id)?.remove()
    this.#group()
  }

  #find(id) {
    return this.#log.querySelector(`[data-id="${Number(id)}"]`)
  }

  #inThread(message) {
    return this.#thread === undefined || message.thread === this.#thread
  }

  #looks() {
    return {
      ...this.#look,
      as: this.#model.as,
      group: this.#model.current?.type !== 'private',
      onJump: (id) => this.jump(id),
    }
  }

  /** Marks the first and last of each group and puts the days between. */
  #group() {
    for (const old of this.#log.querySelectorAll('.day')) old.remove()
    let before
    for (const element of [...this.#log.children]) {
      if (!element.dataset.date) {
        before = undefined
        continue
      }
      const date = Number(element.dataset.date)
      const day = dayOf(date)
      const newDay = this.#lastDay(before) !== day
      if (newDay) element.before(h('div', { class: 'day' }, h('span', {}, day)))
      const joined =
        !newDay &&
        before?.dataset.author === element.dataset.author &&
        date - Number(before.dataset.date) < together
      element.classList.toggle('first', !joined)
      element.classList.add('last')
      if (joined) before.classList.remove('last')
      before = element
    }
  }

  #lastDay(element) {
    return element ? dayOf(Number(element.dataset.date)) : undefined
  }

  #drawBar() {
    const { current, bot, as } = this.#model
    if (!current) return
    byId('chat-title').textContent = this.#model.titleOf(current)
    const isPrivate = current.type === 'private'
    paintAvatar(byId('chat-avatar'), this.#model.titleOf(current), isPrivate ? bot.id : current.id)
    document.title = `${this.#model.titleOf(current)} · Opsgram playground`
    const topics = byId('topics')
    topics.hidden = current.topics.length === 0
    const chip = (name, id) =>
      h(
        'button',
        {
          type: 'button',
          class: 'chip',
          'aria-pressed': String(this.#thread === id),
          onclick: () => {
            this.#thread = id
            this.#redraw()
          },
        },
        name,
      )
    topics.replaceChildren(
      chip('All', undefined),
      ...current.topics.map((topic) => chip(topic.name, topic.id)),
    )
    byId('chat-subtitle').dataset.rest = isPrivate
      ? current.refusal && as === current.id
        ? 'blocked by you'
        : `@${bot.username}`
      : `${current.members.length} members`
    this.#drawTyping()
  }

  #drawTyping() {
    const action = this.#model.typingIn(this.#model.chat)
    const subtitle = byId('chat-subtitle')
    subtitle.textContent = action ? `${doing[action] ?? 'busy'}…` : (subtitle.dataset.rest ?? '')
    subtitle.classList.toggle('active', Boolean(action))
    this.#log.querySelector('.typing')?.remove()
    if (!action) return
    const down = this.#isDown()
    const dots = [1, 2, 3].map(() => h('i', {}))
    this.#log.append(h('div', { class: 'typing', 'aria-hidden': 'true' }, ...dots))
    if (down) this.#scrollDown()
  }

  #welcome() {
    const { current, bot } = this.#model
    const isPrivate = current?.type === 'private'
    return h(
      'div',
      { class: 'welcome' },
      h('div', { class: 'welcome-mark' }, icon('slash')),
      h('h2', {}, isPrivate ? `Say hello to ${bot.name}` : 'Nothing said here yet'),
      h(
        'p',
        {},
        isPrivate
          ? 'Type / to see what the bot can do.'
          : 'Messages and commands of everybody in this chat will be here.',
      ),
      h(
        'button',
        { type: 'button', class: 'primary', onclick: () => this.#look.onCommand('/start') },
        '/start',
      ),
    )
  }

  #isDown() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 80
  }

  #scrolled() {
    const { scrollTop } = this.#log
    // Only a person scrolls up; growing content leaves the position as it is.
    if (this.#isDown()) this.#stuck = true
    else if (scrollTop < this.#top) this.#stuck = false
    this.#top = scrollTop
    if (this.#stuck) this.#missed = 0
    this.#miss(0)
  }

  #miss(more) {
    this.#missed += more
    this.#toBottom.hidden = this.#isDown()
    const badge = this.#toBottom.querySelector('.badge')
    badge.hidden = this.#missed === 0
    badge.textContent = String(this.#missed)
  }

  #scrollDown(smooth = false) {
    this.#log.scrollTo({ top: this.#log.scrollHeight, behavior: smooth ? 'smooth' : 'instant' })
    this.#stuck = true
    this.#top = this.#log.scrollTop
    this.#missed = 0
    this.#miss(0)
  }
}
