import { setUpAttachments } from './attach.js'
import { Composer } from './composer.js'
import { Conversation } from './conversation.js'
import { byId, icon } from './dom.js'
import { openMenu } from './menu.js'
import { Model } from './model.js'
import { alertBox, connection, reloadBanner, toast, workBanner } from './notices.js'
import { act, getState, listen } from './server.js'
import { drawSidebar } from './sidebar.js'
import { copy } from './text.js'

const model = new Model()
/** Presses that the bot has not answered: `chat:message:data`. */
const pressing = new Map()
/** A real client stops waiting for an answer about then. */
const pressPatienceMs = 15_000

const attempt = (action) => action.catch((error) => toast(error.message, 'bad'))

const conversation = new Conversation(model, {
  pressing,
  onCommand: (command) => composer.say(command),
  onPress: press,
  onMenu: messageMenu,
  onReact: react,
})
const composer = new Composer(model, () => conversation.thread)
setUpAttachments(model, () => conversation.thread)
drawSidebar(model, go)

function go(as, chat, opened) {
  // Another person keeps the same group in view; the private chat is one's own.
  const wanted = model.chats.get(chat)?.type === 'private' ? as : chat
  model.go(as, wanted)
  if (opened) {
    byId('app').dataset.view = 'chat'
    if (matchMedia('(hover: hover)').matches) byId('input').focus()
  }
}

async function press(message, button) {
  const key = `${message.chat}:${message.id}:${button.data}`
  if (pressing.has(key)) return
  const done = () => {
    pressing.delete(key)
    const now = model.messages.get(message.chat)?.get(message.id)
    if (now) conversation.refresh(now)
  }
  pressing.set(key, { done })
  conversation.refresh(message)
  try {
    const body = { as: model.as, chat: message.chat, message: message.id, data: button.data }
    const { press: id } = await act('presses', body)
    const waiting = pressing.get(key)
    if (!waiting) return
    waiting.id = id
    if (answered.delete(id)) done()
    else setTimeout(() => pressing.get(key)?.id === id && done(), pressPatienceMs)
  } catch (error) {
    done()
    toast(error.message, 'bad')
  }
}

/** Answers that were quicker than the response to the press itself. */
const answered = new Set()

function onAnswer(answer) {
  const waiting = [...pressing.values()].find((entry) => entry.id === answer.press)
  if (waiting) waiting.done()
  else answered.add(answer.press)
  if (answer.as !== model.as) return
  if (answer.text && answer.alert) alertBox(answer.text)
  else if (answer.text) toast(answer.text)
}

function react(message, emoji) {
  const { as, chat } = model
  attempt(act('reactions', { as, chat, message: message.id, emoji }))
}

function messageMenu(message, anchor) {
  const { as, chat } = model
  const own = message.from.id === as
  openMenu(
    anchor,
    [
      { icon: 'reply', text: 'Reply', run: () => composer.replyTo(message) },
      ...(own && !message.media
        ? [{ icon: 'edit', text: 'Edit', run: () => composer.edit(message) }]
        : []),
      ...(message.text ? [{ icon: 'copy', text: 'Copy text', run: () => copy(message.text) }] : []),
      {
        icon: 'trash',
        text: 'Delete',
        danger: true,
        run: () => attempt(act('deletions', { as, chat, message: message.id })),
      },
    ],
    ['👍', '❤️', '🔥', '😁', '👀'].map((emoji) => ({ emoji, run: () => react(message, emoji) })),
  )
}

byId('chat-menu').append(icon('more'))
byId('chat-menu').addEventListener('click', ({ currentTarget }) => {
  const { as, chat, current } = model
  const items = [{ icon: 'copy', text: `Copy chat id ${chat}`, run: () => copy(String(chat)) }]
  if (current?.type === 'private') {
    const blocked = Boolean(current.refusal)
    items.push({
      icon: 'ban',
      text: blocked ? 'Unblock the bot' : 'Block the bot',
      danger: !blocked,
      run: () => attempt(act('blocks', { as, chat, blocked: !blocked })),
    })
  }
  openMenu(currentTarget, items)
})

byId('back').append(icon('back'))
byId('back').addEventListener('click', () => {
  byId('app').dataset.view = 'list'
})

document.addEventListener('toast', ({ detail }) => toast(detail))
document.addEventListener('keydown', (event) => {
  const person = event.altKey && model.people[Number(event.code.replace('Digit', '')) - 1]
  if (!person) return
  event.preventDefault()
  go(person.id, model.chat, true)
})

async function refresh() {
  const state = await getState()
  model.load(state)
  for (const notice of state.failed) {
    if (notice.type === 'reload') reloadBanner(notice)
    else workBanner(notice)
  }
}

/** Events that come while the whole state is being fetched would be overwritten by it. */
let ready = Promise.resolve()
const afterState = (handle) => async (data) => {
  await ready
  handle(data)
}

listen({
  open: () => {
    connection(false)
    ready = attempt(refresh())
  },
  lost: () => connection(true),
  message: afterState((message) => model.add(message)),
  edit: afterState((message) => model.edit(message)),
  delete: afterState((gone) => model.remove(gone)),
  chat: afterState((chat) => model.setChat(chat)),
  typing: afterState((typing) => model.setTyping(typing)),
  commands: afterState(() => composer.reloadCommands()),
  answer: afterState(onAnswer),
  reload: afterState(reloadBanner),
  work: afterState(workBanner),
})
