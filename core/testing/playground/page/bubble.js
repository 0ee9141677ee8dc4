import { avatar, h, icon, paintHue, sizeOf, timeOf } from './dom.js'
import { downloadUrl, fileUrl } from './server.js'
import { renderText } from './text.js'

/**
 * One message as an element.
 * @param {object} message a MessageView
 * @param {{ as: number, group: boolean, pressing: ReadonlySet<string>, onCommand, onPress, onMenu, onReact, onJump }} look
 */
export function bubble(message, look) {
  if (message.service) {
    return h('div', { class: 'service', data: { id: message.id } }, h('span', {}, message.service))
  }
  const own = message.from.id === look.as
  const text = message.text
    ? h('div', { class: 'text' }, renderText(message.text, message.entities, look.onCommand))
    : null
  const body = h(
    'div',
    {
      class: `bubble${message.media?.kind === 'photo' ? ' has-photo' : ''}${text ? '' : ' no-text'}`,
    },
    look.group && !own && name(message),
    message.forwarded && h('div', { class: 'forwarded' }, `Forwarded from ${message.forwarded}`),
    message.reply && quote(message.reply, look),
    message.media && media(message.media),
    text,
    meta(message),
    message.reactions.length > 0 && reactions(message, look),
  )
  return h(
    'article',
    {
      class: `message ${own ? 'out' : 'in'}`,
      data: { id: message.id, author: message.from.id, date: message.date },
      'aria-label': `${own ? 'You' : message.from.name}, ${timeOf(message.date)}`,
    },
    look.group && !own && avatar(message.from.name, message.from.id),
    h(
      'div',
      { class: 'stack' },
      h('div', { class: 'bubble-row' }, body, menuButton(message, look)),
      message.buttons.length > 0 && keyboard(message, look),
    ),
  )
}

function name(message) {
  const element = paintHue(h('div', { class: 'author' }, message.from.name), message.from.id)
  if (message.from.bot) element.append(h('span', { class: 'badge-bot' }, 'bot'))
  return element
}

function quote(reply, look) {
  return h(
    'button',
    { type: 'button', class: 'quote', onclick: () => look.onJump(reply.id) },
    h('strong', {}, reply.name),
    h('span', {}, reply.text),
  )
}

function meta(message) {
  return h(
    'div',
    { class: 'meta' },
    message.silent && h('span', { title: 'Sent without a sound' }, icon('mute')),
    message.edited && h('span', {}, 'edited'),
    h('time', { datetime: new Date(message.date * 1000).toISOString() }, timeOf(message.date)),
  )
}

function menuButton(message, look) {
  return h(
    'button',
    {
      type: 'button',
      class: 'icon-button message-menu',
      'aria-label': 'Message options',
      'aria-haspopup': 'menu',
      onclick: (event) => look.onMenu(message, event.currentTarget),
    },
    icon('more'),
  )
}

function keyboard(message, look) {
  return h(
    'div',
    { class: 'keyboard', role: 'group', 'aria-label': 'Buttons' },
    ...message.buttons.map((row) =>
      h(
        'div',
        { class: 'keyboard-row' },
        ...row.map((button) => inlineButton(message, button, look)),
      ),
    ),
  )
}

function inlineButton(message, button, look) {
  if (button.url) {
    return h(
      'a',
      { class: 'key', href: button.url, target: '_blank', rel: 'noopener noreferrer' },
      h('span', {}, button.text),
      icon('link'),
    )
  }
  const busy = look.pressing.has(`${message.chat}:${message.id}:${button.data}`)
  return h(
    'button',
    {
      type: 'button',
      class: `key${busy ? ' busy' : ''}`,
      'aria-busy': busy ? 'true' : undefined,
      disabled: button.data === undefined,
      onclick: () => look.onPress(message, button),
    },
    h('span', {}, button.text),
  )
}

function media(file) {
  if (file.kind === 'photo' || file.kind === 'sticker') return photo(file)
  return h(
    'a',
    { class: 'file', href: downloadUrl(file.file, file.name), download: file.name },
    h(
      'span',
      { class: 'file-icon' },
      icon('file'),
      h('span', { class: 'file-type' }, typeOf(file)),
    ),
    h('span', { class: 'file-text' }, h('strong', {}, file.name), h('span', {}, sizeOf(file.size))),
    icon('download'),
  )
}

function photo(file) {
  const image = h('img', {
    src: fileUrl(file.file),
    alt: 'Photo',
    width: file.width,
    height: file.height,
  })
  const frame = h(
    'a',
    { class: `photo ${file.kind}`, href: downloadUrl(file.file, file.name), download: '' },
    image,
  )
  // What is no picture is shown as a file: the bot may send anything as a photo.
  image.addEventListener('error', () => frame.replaceWith(media({ ...file, kind: 'document' })))
  return frame
}

function typeOf(file) {
  return (/\.([a-z0-9]{1,5})$/i.exec(file.name)?.[1] ?? file.kind).slice(0, 5)
}

function reactions(message, look) {
  return h(
    'div',
    { class: 'reactions' },
    ...message.reactions.map(({ emoji, by }) =>
      h(
        'button',
        {
          type: 'button',
          class: `reaction${by.includes(look.as) ? ' mine' : ''}`,
          'aria-pressed': String(by.includes(look.as)),
          onclick: () => look.onReact(message, emoji),
        },
        `${emoji} ${by.length}`,
      ),
    ),
  )
}
