import { byId, h, icon } from './dom.js'

/**
 * A small menu beside a button. Arrow keys move, Escape closes, the focus goes back.
 * @param {HTMLElement} anchor
 * @param {{ icon?: string, text: string, danger?: boolean, run: () => void }[]} items
 * @param {{ emoji: string, run: () => void }[]} quick a row of single characters on top
 */
export function openMenu(anchor, items, quick = []) {
  const menu = byId('menu')
  const choose = (run) => () => {
    menu.hidePopover()
    anchor.focus()
    run()
  }
  const rows = items.map((item) =>
    h(
      'button',
      {
        type: 'button',
        role: 'menuitem',
        class: item.danger ? 'danger' : '',
        onclick: choose(item.run),
      },
      item.icon && icon(item.icon),
      h('span', {}, item.text),
    ),
  )
  const tops = quick.map(({ emoji, run }) =>
    h(
      'button',
      {
        type: 'button',
        role: 'menuitem',
        'aria-label': `React with ${emoji}`,
        onclick: choose(run),
      },
      emoji,
    ),
  )
  menu.replaceChildren(...(tops.length > 0 ? [h('div', { class: 'quick' }, ...tops)] : []), ...rows)
  menu.onkeydown = (event) => {
    const all = [...menu.querySelectorAll('button')]
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
    if (!step) return
    event.preventDefault()
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus()
  }
  menu.showPopover()
  place(menu, anchor)
  ;(rows[0] ?? tops[0])?.focus()
}

/** Beside the anchor, inside the window. */
function place(menu, anchor) {
  const at = anchor.getBoundingClientRect()
  const { width, height } = menu.getBoundingClientRect()
  const gap = 8
  const left = Math.min(Math.max(gap, at.left - width / 2), innerWidth - width - gap)
  const below = at.bottom + 4
  const top = below + height + gap > innerHeight ? Math.max(gap, at.top - height - 4) : below
  menu.style.setProperty('left', `${left}px`)
  menu.style.setProperty('top', `${top}px`)
}
