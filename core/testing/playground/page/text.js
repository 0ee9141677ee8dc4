import { h, icon } from './dom.js'

/**
 * A message's text with its entities as elements. Entities are nested as Telegram sends them: outer
 * ones first. Everything is made of text nodes; links go only where links may go.
 * @param {string} text
 * @param {readonly { type: string, offset: number, length: number, url?: string, language?: string }[]} entities
 * @param {(command: string) => void} onCommand what a press on a command does
 */
export function renderText(text, entities, onCommand) {
  const fragment = document.createDocumentFragment()
  fragment.append(...pieces(text, 0, text.length, entities, onCommand))
  return fragment
}

const blocks = new Set(['pre', 'blockquote', 'expandable_blockquote'])

function pieces(text, start, end, entities, onCommand) {
  const out = []
  let at = start
  for (let i = 0; i < entities.length; i++) {
    const entity = entities[i]
    const from = entity.offset
    const to = Math.min(end, from + entity.length)
    if (from < at || to <= from) continue
    const isBlock = blocks.has(entity.type)
    // A block makes its own line: the line break beside it would be a second one.
    const before = text.slice(at, from)
    out.push(isBlock ? before.replace(/\n$/, '') : before)
    const inner = entities.slice(i + 1).filter((e) => e.offset >= from && e.offset + e.length <= to)
    out.push(
      wrap(entity, text.slice(from, to), pieces(text, from, to, inner, onCommand), onCommand),
    )
    at = isBlock && text[to] === '\n' ? to + 1 : to
  }
  out.push(text.slice(at, end))
  return out.filter((piece) => piece !== '')
}

function wrap(entity, raw, inner, onCommand) {
  switch (entity.type) {
    case 'bold':
      return h('strong', {}, ...inner)
    case 'italic':
      return h('em', {}, ...inner)
    case 'underline':
      return h('u', {}, ...inner)
    case 'strikethrough':
      return h('s', {}, ...inner)
    case 'code':
      return h('code', { title: 'Copy', onclick: () => copy(raw) }, ...inner)
    case 'pre':
      return codeBlock(raw, inner, entity.language)
    case 'blockquote':
      return h('blockquote', {}, ...inner)
    case 'expandable_blockquote':
      return expandable(inner)
    case 'spoiler':
      return spoiler(inner)
    case 'text_link':
      return link(entity.url, inner)
    case 'url':
      return link(/^[a-z]+:/i.test(raw) ? raw : `https://${raw}`, inner)
    case 'email':
      return link(`mailto:${raw}`, inner)
    case 'bot_command':
      // no button: a line may be broken beside one, before the full stop after it
      return h(
        'a',
        {
          class: 'linklike',
          href: '#',
          role: 'button',
          onclick: (event) => {
            event.preventDefault()
            onCommand(raw)
          },
        },
        ...inner,
      )
    case 'mention':
    case 'hashtag':
    case 'text_mention':
      return h('span', { class: 'tag' }, ...inner)
    default:
      return h('span', {}, ...inner)
  }
}

function link(url, inner) {
  // Only these leave the page; `javascript:` and the like stay plain text.
  if (!/^(https?|mailto|tg|ton):/i.test(url ?? '')) return h('span', {}, ...inner)
  return h('a', { href: url, target: '_blank', rel: 'noopener noreferrer', title: url }, ...inner)
}

function codeBlock(raw, inner, language) {
  return h(
    'div',
    { class: 'code' },
    h(
      'div',
      { class: 'code-bar' },
      h('span', {}, language || 'code'),
      h(
        'button',
        {
          type: 'button',
          class: 'code-copy',
          'aria-label': 'Copy the code',
          onclick: () => copy(raw),
        },
        icon('copy'),
      ),
    ),
    h('pre', { tabindex: '0' }, ...inner),
  )
}

function expandable(inner) {
  const quote = h('blockquote', { class: 'folded' }, ...inner)
  quote.addEventListener('click', () => quote.classList.toggle('folded'))
  return quote
}

function spoiler(inner) {
  const element = h('span', {
    class: 'spoiler',
    role: 'button',
    tabindex: '0',
    'aria-label': 'Hidden text',
  })
  element.append(h('span', {}, ...inner))
  const reveal = () => {
    element.classList.add('revealed')
    element.removeAttribute('role')
    element.removeAttribute('aria-label')
  }
  element.addEventListener('click', reveal)
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      reveal()
    }
  })
  return element
}

/** Puts text on the clipboard and says so. */
export async function copy(text) {
  await navigator.clipboard.writeText(text)
  document.dispatchEvent(new CustomEvent('toast', { detail: 'Copied' }))
}
