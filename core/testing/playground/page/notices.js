import { byId, h, icon } from './dom.js'

const toastMs = 3500
const goodNewsMs = 4500

const done = { load: 'loaded', reload: 'reloaded', unload: 'removed' }
const failed = {
  load: 'was not loaded',
  reload: 'was not reloaded; the version before goes on',
}

/** A short line at the bottom: what a bot answers to a press, or what went wrong here. */
export function toast(text, kind = '') {
  const element = h('div', { class: `toast ${kind}` }, text)
  byId('toasts').append(element)
  setTimeout(() => element.classList.add('leaving'), toastMs)
  setTimeout(() => element.remove(), toastMs + 300)
}

/** What a bot wants to be seen for sure. */
export function alertBox(text) {
  byId('alert-text').textContent = text
  const dialog = byId('alert')
  if (!dialog.open) dialog.showModal()
}

/** How a reload went. A failure stays until it is put right or closed; it shows the place. */
export function reloadBanner(notice) {
  const banners = byId('banners')
  for (const old of [...banners.children]) if (old.dataset.plugin === notice.plugin) old.remove()
  const close = () => element.remove()
  const facts = [
    notice.generation !== undefined && `generation ${notice.generation}`,
    notice.ms !== undefined && `${Math.round(notice.ms)} ms`,
  ].filter(Boolean)
  const element = h(
    'section',
    {
      class: `banner ${notice.ok ? 'good' : 'bad'}`,
      role: notice.ok ? 'status' : 'alert',
      data: { plugin: notice.plugin },
    },
    h(
      'div',
      { class: 'banner-head' },
      h('span', { class: 'banner-mark' }, icon(notice.ok ? 'check' : 'close')),
      h(
        'p',
        {},
        h('strong', {}, notice.plugin),
        ` ${notice.ok ? done[notice.change] : failed[notice.change]}`,
        facts.length > 0 && h('span', { class: 'banner-facts' }, facts.join(' · ')),
      ),
      h(
        'button',
        { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: close },
        icon('close'),
      ),
    ),
    !notice.ok &&
      h(
        'p',
        { class: 'banner-message' },
        notice.code && h('code', {}, notice.code),
        notice.code && ' ',
        notice.message ?? '',
      ),
    notice.frame && h('pre', { class: 'frame', tabindex: '0' }, ...frameLines(notice.frame)),
  )
  banners.append(element)
  if (notice.ok) setTimeout(close, goodNewsMs)
}

/** The line with the mistake, and the arrow under it, stand out. */
function frameLines(frame) {
  return frame.split('\n').map((line) => {
    const marked = /^\s*>|^\s*\d*\s*[│|]\s*[\^~╵╷]+/.test(line)
    return h('span', { class: marked ? 'frame-line marked' : 'frame-line' }, `${line}\n`)
  })
}

/** Says that the program is away, until it is back. */
export function connection(isLost) {
  const old = byId('lost')
  if (!isLost) return old?.remove()
  if (old) return undefined
  return byId('banners').prepend(
    h(
      'section',
      { class: 'banner lost', id: 'lost', role: 'status' },
      h(
        'div',
        { class: 'banner-head' },
        h('span', { class: 'spinner' }),
        h('p', {}, 'The program does not answer. Trying again…'),
      ),
    ),
  )
}
