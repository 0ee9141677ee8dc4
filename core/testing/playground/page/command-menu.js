import { byId, h } from './dom.js'
import { getCommands } from './server.js'

/** The list that opens on "/": what this person can call in this chat, as Telegram would choose it. */
export class CommandMenu {
  #model
  #list = byId('commands')
  #all = []
  #shown = []
  #active = 0
  #onChoose

  /** @param {(command: string, send: boolean) => void} onChoose */
  constructor(model, onChoose) {
    this.#model = model
    this.#onChoose = onChoose
  }

  get isOpen() {
    return !this.#list.hidden
  }

  get isEmpty() {
    return this.#all.length === 0
  }

  async load() {
    const { as, chat } = this.#model
    const commands = chat === 0 ? [] : await getCommands(as, chat).catch(() => [])
    // The answer may come when the page is elsewhere by now.
    if (as === this.#model.as && chat === this.#model.chat) this.#all = commands
  }

  /** Shows the commands that begin with what is typed; nothing fits: closes. */
  filter(typed) {
    const part = /^\/([a-z0-9_]*)$/i.exec(typed)?.[1]?.toLowerCase()
    this.#shown = part === undefined ? [] : this.#all.filter((c) => c.command.startsWith(part))
    this.#active = 0
    this.#draw()
  }

  close() {
    this.#shown = []
    this.#draw()
  }

  /** Takes a key while open. Returns whether it was for the menu. */
  key(event) {
    if (!this.isOpen) return false
    const count = this.#shown.length
    if (event.key === 'ArrowDown') this.#move((this.#active + 1) % count)
    else if (event.key === 'ArrowUp') this.#move((this.#active - 1 + count) % count)
    else if (event.key === 'Tab') this.#choose(this.#active, false)
    else if (event.key === 'Enter' && !event.shiftKey) this.#choose(this.#active, true)
    else if (event.key === 'Escape') this.close()
    else return false
    event.preventDefault()
    return true
  }

  #move(index) {
    this.#active = index
    this.#draw()
  }

  #choose(index, send) {
    const command = this.#shown[index]
    this.close()
    if (command) this.#onChoose(`/${command.command}`, send)
  }

  #draw() {
    this.#list.hidden = this.#shown.length === 0
    this.#list.replaceChildren(
      ...this.#shown.map((command, i) =>
        h(
          'li',
          {
            role: 'option',
            id: `command-${i}`,
            'aria-selected': String(i === this.#active),
            onclick: () => this.#choose(i, true),
          },
          h('strong', {}, `/${command.command}`),
          h('span', {}, command.description),
        ),
      ),
    )
    const input = byId('input')
    if (this.#shown.length > 0)
      input.setAttribute('aria-activedescendant', `command-${this.#active}`)
    else input.removeAttribute('aria-activedescendant')
    this.#list.children[this.#active]?.scrollIntoView({ block: 'nearest' })
  }
}
