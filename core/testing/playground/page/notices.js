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
  const facts = [
    notice.generation !== undefined && `generation ${notice.generation}`,
    notice.ms !== undefined && `${Math.round(notice.ms)} ms`,
  ].filter(Boolean)
  banner(notice, `plugin ${notice.plugin}`, [
    h('strong', {}, notice.plugin),
    ` ${notice.ok ? done[notice.change] : failed[notice.change]}`,
    facts.length > 0 && h('span', { class: 'banner-facts' }, facts.join(' · ')),
  ])
}

/** What concerns the program as a whole while somebody works on it. */
export function workBanner(notice) {
  banner(notice, notice.topic, [notice.title])
}

/** @param about a newer banner takes the place of an older one about the same */
function banner({ ok, code, message, frame }, about, head) {
  const banners = byId('banners')
  for (const old of [...banners.children]) if (old.dataset.about === about) old.remove()
  const close = () => element.remove()
  const element = h(
    'section',
    {
      class: `banner ${ok ? 'good' : 'bad'}`,
      role: ok ? 'status' : 'alert',
      data: { about },
    },
    h(
      'div',
      { class: 'banner-head' },
      h('span', { class: 'banner-mark' }, icon(ok ? 'check' : 'close')),
      h('p', {}, ...head),
      h(
        'button',
        { type: 'button', class: 'icon-button', 'aria-label': 'Close', onclick: close },
        icon('close'),
      ),
    ),
    !ok &&
      (code || message) &&
      h('p', { class: 'banner-message' }, code && h('code', {}, code), code && ' ', message ?? ''),
    frame && h('pre', { class: 'frame', tabindex: '0' }, ...frameLines(frame)),
  )
  banners.append(element)
  if (ok) setTimeout(close, goodNewsMs)
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
