import { CommandMenu } from './command-menu.js'
import { byId, h, icon } from './dom.js'
import { toast } from './notices.js'
import { act } from './server.js'

/** Where one writes: text, commands, answers, edits, and the keyboard a bot has put there. */
export class Composer {
  #model
  #thread
  #input = byId('input')
  #context = byId('context')
  #keyboard = byId('reply-keyboard')
  #commands
  #drafts = new Map()
  #place = ''
  /** `{ kind: 'reply' | 'edit', message }` */
  #about
  #keyboardShown = true

  /** @param {() => number | undefined} thread the topic that is looked at */
  constructor(model, thread) {
    this.#model = model
    this.#thread = thread
    this.#commands = new CommandMenu(model, (command, send) => this.#chosen(command, send))
    byId('open-commands').append(icon('slash'))
    byId('send').append(icon('send'))
    byId('toggle-keyboard').append(icon('keyboard'))
    byId('form').addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#submit()
    })
    this.#input.addEventListener('input', () => this.#typed())
    this.#input.addEventListener('keydown', (event) => this.#key(event))
    byId('open-commands').addEventListener('click', () => {
      if (this.#commands.isOpen) return this.#commands.close()
      this.#input.value = '/'
      this.#typed()
      return this.#input.focus()
    })
    byId('toggle-keyboard').addEventListener('click', () => {
      this.#keyboardShown = !this.#keyboardShown
      this.#drawKeyboard()
    })
    for (const event of ['all', 'place']) model.addEventListener(event, () => this.#moved())
    model.addEventListener('message', ({ detail }) => this.#heard(detail))
  }

  /** Sends a text as the person that is looked from; in groups a command is meant for this bot. */
  async say(text) {
    const { as, chat, current, bot } = this.#model
    const forBot =
      current?.type !== 'private' && /^\/\w+$/.test(text) ? `${text}@${bot.username}` : text
    const thread = this.#thread()
    const replyTo = this.#about?.kind === 'reply' ? this.#about.message.id : undefined
    this.#setAbout(undefined)
    await this.#try(act('messages', { as, chat, text: forBot, replyTo, thread }))
  }

  replyTo(message) {
    this.#setAbout({ kind: 'reply', message })
    this.#input.focus()
  }

  edit(message) {
    this.#setAbout({ kind: 'edit', message })
    this.#input.value = message.text
    this.#typed()
    this.#input.focus()
  }

  async reloadCommands() {
    await this.#commands.load()
    byId('open-commands').hidden = this.#commands.isEmpty
    if (this.#commands.isOpen || this.#input.value.startsWith('/'))
      this.#commands.filter(this.#input.value)
  }

  async #submit() {
    const text = this.#input.value.trim()
    if (text === '') return
    const about = this.#about
    this.#input.value = ''
    this.#typed()
    if (about?.kind !== 'edit') return this.say(text)
    this.#setAbout(undefined)
    const { as, chat } = this.#model
    return this.#try(act('edits', { as, chat, message: about.message.id, text }))
  }

  async #try(action) {
    try {
      await action
    } catch (error) {
      toast(error.message, 'bad')
    }
  }

  #chosen(command, send) {
    this.#input.value = send ? '' : `${command} `
    this.#typed()
    this.#input.focus()
    if (send) void this.say(command)
  }

  #typed() {
    // The height follows the text: the browser tells it only from an element that is small first.
    this.#input.style.setProperty('height', 'auto')
    // Hidden behind the chats of a phone it has no height to tell: it keeps that of its lines.
    const { scrollHeight, offsetHeight, clientHeight } = this.#input
    const height = Math.min(scrollHeight + offsetHeight - clientHeight, 180)
    if (scrollHeight > 0) this.#input.style.setProperty('height', `${height}px`)
    byId('send').disabled = this.#input.value.trim() === ''
    this.#commands.filter(this.#about?.kind === 'edit' ? '' : this.#input.value)
  }

  #key(event) {
    if (event.isComposing || this.#commands.key(event)) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      void this.#submit()
    } else if (event.key === 'Escape') {
      this.#setAbout(undefined)
    } else if (event.key === 'ArrowUp' && this.#input.value === '') {
      const { messages, chat, as } = this.#model
      const own = [...(messages.get(chat)?.values() ?? [])].findLast(
        (m) => m.from.id === as && !m.media,
      )
      if (!own) return
      event.preventDefault()
      this.edit(own)
    }
  }

  #setAbout(about) {
    const wasEdit = this.#about?.kind === 'edit'
    this.#about = about
    if (wasEdit && !about) {
      this.#input.value = ''
      this.#typed()
    }
    this.#context.hidden = !about
    if (!about) return
    const { message, kind } = about
    this.#context.replaceChildren(
      icon(kind),
      h(
        'div',
        { class: 'context-text' },
        h('strong', {}, kind === 'edit' ? 'Edit message' : `Reply to ${message.from.name}`),
        h('span', {}, message.text || (message.media?.name ?? '')),
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'icon-button',
          'aria-label': 'Cancel',
          onclick: () => this.#setAbout(undefined),
        },
        icon('close'),
      ),
    )
  }

  #moved() {
    const place = `${this.#model.as}:${this.#model.chat}`
    if (place !== this.#place) {
      if (this.#place && this.#about?.kind !== 'edit')
        this.#drafts.set(this.#place, this.#input.value)
      this.#setAbout(undefined)
      this.#place = place
      this.#input.value = this.#drafts.get(place) ?? ''
      this.#commands.close()
    }
    const me = this.#model.person(this.#model.as)
    this.#input.placeholder = me ? `Message as ${me.name.split(' ')[0]}` : 'Message'
    this.#keyboardShown = true
    this.#drawKeyboard()
    this.#typed()
    void this.reloadCommands()
  }

  #heard(message) {
    if (message.chat !== this.#model.chat || !message.keyboard) return
    this.#keyboardShown = true
    this.#drawKeyboard()
    if (!message.keyboard.force_reply) return
    this.replyTo(message)
    if (message.keyboard.input_field_placeholder) {
      this.#input.placeholder = message.keyboard.input_field_placeholder
    }
  }

  #drawKeyboard() {
    const { keyboards, chat } = this.#model
    const keyboard = keyboards.get(chat)
    const rows = keyboard?.keyboard ?? []
    byId('toggle-keyboard').hidden = rows.length === 0
    byId('toggle-keyboard').setAttribute('aria-expanded', String(this.#keyboardShown))
    this.#keyboard.hidden = rows.length === 0 || !this.#keyboardShown
    if (keyboard?.input_field_placeholder)
      this.#input.placeholder = keyboard.input_field_placeholder
    const press = (text) => {
      if (keyboard.one_time_keyboard) {
        this.#keyboardShown = false
        this.#drawKeyboard()
      }
      void this.say(text)
    }
    this.#keyboard.replaceChildren(
      ...rows.map((row) =>
        h(
          'div',
          { class: 'keyboard-row' },
          ...row.map(({ text }) =>
            h('button', { type: 'button', class: 'key', onclick: () => press(text) }, text),
          ),
        ),
      ),
    )
  }
}
