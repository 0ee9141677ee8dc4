import { avatar, byId, h, paintAvatar, timeOf } from './dom.js'

/** Who one acts as, and that person's chats. */
export function drawSidebar(model, onGo) {
  const people = byId('people')
  const chats = byId('chats')
  const draw = () => {
    people.replaceChildren(...model.people.map((person, i) => personButton(model, person, i, onGo)))
    const me = model.person(model.as)
    if (!me) return
    chats.replaceChildren(
      h(
        'header',
        { class: 'bar' },
        h('div', { class: 'bar-text' }, h('h2', {}, me.name), h('p', {}, `acting as ${me.note}`)),
      ),
      h(
        'div',
        { class: 'chat-list' },
        ...model.chatsOf(me.id).map((chat) => chatButton(model, chat, onGo)),
      ),
      h(
        'p',
        { class: 'hint' },
        'Id ',
        h('code', {}, String(me.id)),
        '. Telegram never issues such ids.',
      ),
    )
  }
  model.addEventListener('any', draw)
}

function personButton(model, person, index, onGo) {
  const unread = person.id === model.as ? 0 : model.unreadOfPerson(person.id)
  return h(
    'button',
    {
      type: 'button',
      class: 'person',
      'aria-current': person.id === model.as ? 'true' : undefined,
      'aria-label': `${person.name}, ${person.note}${unread ? `, ${unread} unread` : ''}`,
      title: `${person.name} (Alt+${index + 1})`,
      onclick: () => onGo(person.id, model.chat, false),
    },
    h('span', { class: 'avatar-frame' }, avatar(person.name, person.id), badge(unread)),
    h('span', { class: 'person-note' }, person.note),
  )
}

function chatButton(model, chat, onGo) {
  const isPrivate = chat.type === 'private'
  const last = model.last(chat.id)
  const action = model.typingIn(chat.id)
  const title = model.titleOf(chat)
  const unread = model.unreadOf(model.as, chat.id)
  const picture = paintAvatar(
    h('span', { class: 'avatar', 'aria-hidden': 'true' }),
    title,
    isPrivate ? model.bot.id : chat.id,
  )
  return h(
    'button',
    {
      type: 'button',
      class: 'chat',
      'aria-current': chat.id === model.chat ? 'true' : undefined,
      onclick: () => onGo(model.as, chat.id, true),
    },
    picture,
    h(
      'span',
      { class: 'chat-text' },
      h(
        'span',
        { class: 'chat-top' },
        h('strong', {}, title),
        last && h('time', {}, timeOf(last.date)),
      ),
      h(
        'span',
        { class: 'chat-bottom' },
        h(
          'span',
          { class: action ? 'chat-last active' : 'chat-last' },
          action ? 'typing…' : said(model, last),
        ),
        badge(unread),
      ),
    ),
  )
}

function said(model, message) {
  if (!message) return 'No messages yet'
  if (message.service) return message.service
  const who =
    message.from.id === model.as
      ? 'You: '
      : message.chat === model.as
        ? ''
        : `${message.from.name.split(' ')[0]}: `
  const what =
    message.text || (message.media?.kind === 'photo' ? 'Photo' : (message.media?.name ?? ''))
  return `${who}${what.slice(0, 120).replace(/\s+/g, ' ')}`
}

function badge(count) {
  return count > 0 && h('span', { class: 'badge' }, count > 99 ? '99+' : String(count))
}
