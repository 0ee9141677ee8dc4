/**
 * Makes an element. Children that are strings become text, never markup: whatever comes from a bot or a
 * person can't be more than text here.
 * @param {string} tag
 * @param {Record<string, unknown>} props `on…` are listeners, `data` is the dataset, the rest attributes
 * @param {...(Node | string | null | undefined | false)} children
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'data') Object.assign(element.dataset, value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child || child === ''))
  return element
}

const paths = {
  back: 'M15 5l-7 7 7 7',
  more: 'M12 5.5v.01M12 12v.01M12 18.5v.01',
  attach:
    'M20 11.5l-7.8 7.8a5 5 0 0 1-7.1-7.1l8-8a3.3 3.3 0 0 1 4.7 4.7l-7.9 7.9a1.7 1.7 0 0 1-2.4-2.4l7.2-7.1',
  send: 'M12 19V5M5.5 11.5L12 5l6.5 6.5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  slash:
    'M14.5 6l-5 12M4.5 3.5h15a1 1 0 0 1 1 1v15a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1v-15a1 1 0 0 1 1-1z',
  keyboard:
    'M4.5 6h15a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1zM7 10v.01M10.3 10v.01M13.7 10v.01M17 10v.01M8 14h8',
  down: 'M12 5v14M5.5 12.5L12 19l6.5-6.5',
  close: 'M6 6l12 12M18 6L6 18',
  reply: 'M10 6l-6 6 6 6M4.5 12H14a6 6 0 0 1 6 6',
  edit: 'M4 20l1-4.5L16.5 4a2 2 0 0 1 3 3L8.5 18.8z',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  trash: 'M5 7h14M9.5 7V4.5h5V7M7 7l.8 13h8.4L17 7',
  file: 'M7 3.5h7l4.5 4.5v12.5H7zM14 3.5V8h4.5',
  download: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  link: 'M9 15L18 6M11 6h7v7',
  mute: 'M6 9.5v5h3l4.5 4v-13L9 9.5zM17 10l4 4M21 10l-4 4',
  ban: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM6 6l12 12',
  pin: 'M9 4h6l-1 6 3 3.5H7L10 10zM12 13.5V20',
}

/** A line icon that takes the colour of the text around it. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('class', `icon icon-${name}`)
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', paths[name])
  svg.append(path)
  return svg
}

/** A round picture made of the initials; the colour is always the same for the same id. */
export function paintAvatar(element, name, id) {
  const words = name.split(/\s+/).filter(Boolean)
  element.textContent = words
    .slice(0, 2)
    .map((word) => [...word][0])
    .join('')
    .toUpperCase()
  return paintHue(element, id)
}

/** Gives an element the colour of a person: `--hue`. */
export function paintHue(element, id) {
  const hues = [212, 265, 338, 22, 152, 186, 45, 300]
  element.style.setProperty('--hue', String(hues[Math.abs(id) % hues.length]))
  return element
}

export function avatar(name, id) {
  return paintAvatar(h('span', { class: 'avatar', 'aria-hidden': 'true' }), name, id)
}

export const byId = (id) => document.getElementById(id)

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long' })

export const timeOf = (seconds) => clock.format(seconds * 1000)

export function dayOf(seconds) {
  const date = new Date(seconds * 1000)
  const today = new Date()
  if (date.toDateString() === today.toDateString()) return 'Today'
  today.setDate(today.getDate() - 1)
  return date.toDateString() === today.toDateString() ? 'Yesterday' : day.format(date)
}

export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(bytes < 10240 ? 1 : 0)} KB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`
}
