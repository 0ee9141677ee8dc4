import { expect } from 'chai'
import type { Update as GrammyUpdate } from 'grammy/types'
import { factsOf, parseUpdate } from '../../../core/telegram/facts.ts'
import { type KnownUpdateKind, updateKinds } from '../../../core/telegram/kinds.ts'

const ann = { id: 11, is_bot: false, first_name: 'Ann', language_code: 'ru' }
const group = { id: -100, type: 'supergroup', title: 'Ops' }
const direct = { id: 11, type: 'private', first_name: 'Ann' }
const facts = (body: object) => factsOf({ update_id: 5, ...body })
/** What no update of the kind has by itself. */
const plain = { updateId: 5, isEdited: false, isForwarded: false }

// Both lists are the same, or this does not compile.
type Kind = Exclude<keyof GrammyUpdate, 'update_id'>
const listsAgree: [Kind] extends [KnownUpdateKind]
  ? [KnownUpdateKind] extends [Kind]
    ? true
    : never
  : never = true

describe('facts of an update', () => {
  it("knows the same kinds as grammY's types of Bot API 10", () => {
    expect(listsAgree).to.equal(true)
    expect(new Set(updateKinds).size).to.equal(updateKinds.length)
  })

  const cases: Record<KnownUpdateKind, [body: object, expected: object]> = {
    message: [
      {
        message_id: 3,
        from: ann,
        chat: group,
        date: 9,
        text: '/log',
        message_thread_id: 4,
        is_topic_message: true,
      },
      {
        userId: 11,
        from: ann,
        chatId: -100,
        chatType: 'supergroup',
        messageId: 3,
        threadId: 4,
        text: '/log',
        date: 9,
        lane: 'chat:-100',
      },
    ],
    edited_message: [
      { message_id: 3, from: ann, chat: direct, date: 9, caption: 'photo' },
      {
        userId: 11,
        from: ann,
        chatId: 11,
        chatType: 'private',
        messageId: 3,
        text: 'photo',
        date: 9,
        isEdited: true,
        lane: 'chat:11',
      },
    ],
    channel_post: [
      { message_id: 3, sender_chat: { id: -7 }, chat: { id: -7, type: 'channel' }, date: 9 },
      {
        senderChatId: -7,
        chatId: -7,
        chatType: 'channel',
        messageId: 3,
        date: 9,
        lane: 'chat:-7',
      },
    ],
    edited_channel_post: [
      { message_id: 3, chat: { id: -7, type: 'channel' }, date: 9 },
      { chatId: -7, chatType: 'channel', messageId: 3, date: 9, isEdited: true, lane: 'chat:-7' },
    ],
    business_connection: [
      { id: 'b', user: ann, user_chat_id: 11, date: 9, is_enabled: true },
      { userId: 11, from: ann, chatId: 11, chatType: 'private', date: 9, lane: 'chat:11' },
    ],
    business_message: [
      { message_id: 3, business_connection_id: 'b', from: ann, chat: direct, date: 9, text: 'hi' },
      {
        userId: 11,
        from: ann,
        chatId: 11,
        chatType: 'private',
        messageId: 3,
        text: 'hi',
        date: 9,
        lane: 'chat:11',
      },
    ],
    edited_business_message: [
      { message_id: 3, from: ann, sender_business_bot: { id: 99 }, chat: direct, date: 9 },
      { chatId: 11, chatType: 'private', messageId: 3, date: 9, isEdited: true, lane: 'chat:11' },
    ],
    deleted_business_messages: [
      { business_connection_id: 'b', chat: direct, message_ids: [1] },
      { chatId: 11, chatType: 'private', lane: 'chat:11' },
    ],
    guest_message: [
      { message_id: 3, guest_query_id: 'g', from: ann, chat: group, date: 9, text: '@bot hi' },
      {
        userId: 11,
        from: ann,
        chatId: -100,
        chatType: 'supergroup',
        messageId: 3,
        text: '@bot hi',
        date: 9,
        lane: 'chat:-100',
      },
    ],
    stopped_message_generation: [
      { chat: direct, message_thread_id: 4, draft_id: 1 },
      {
        userId: 11,
        from: direct,
        chatId: 11,
        chatType: 'private',
        threadId: 4,
        lane: 'chat:11',
      },
    ],
    message_reaction: [
      { chat: group, message_id: 3, user: ann, date: 9, old_reaction: [], new_reaction: [] },
      {
        userId: 11,
        from: ann,
        chatId: -100,
        chatType: 'supergroup',
        messageId: 3,
        date: 9,
        lane: 'chat:-100',
      },
    ],
    message_reaction_count: [
      { chat: group, message_id: 3, date: 9, reactions: [] },
      { chatId: -100, chatType: 'supergroup', messageId: 3, date: 9, lane: 'chat:-100' },
    ],
    inline_query: [
      { id: 'q', from: ann, query: 'x', offset: '' },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
    chosen_inline_result: [
      { result_id: 'r', from: ann, query: 'x' },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
    callback_query: [
      {
        id: 'c',
        from: ann,
        data: 'v1:a:b:s1',
        message: { message_id: 3, chat: group, from: { id: 1, is_bot: true }, date: 2 },
      },
      {
        userId: 11,
        from: ann,
        chatId: -100,
        chatType: 'supergroup',
        messageId: 3,
        data: 'v1:a:b:s1',
        lane: 'chat:-100',
      },
    ],
    shipping_query: [
      { id: 's', from: ann },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
    pre_checkout_query: [
      { id: 'p', from: ann },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
    purchased_paid_media: [
      { from: ann, paid_media_payload: 'x' },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
    poll: [{ id: 'p', question: '?' }, { lane: 'update:5' }],
    poll_answer: [
      { poll_id: 'p', user: ann, option_ids: [] },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
    my_chat_member: [
      { chat: group, from: ann, date: 9 },
      { userId: 11, from: ann, chatId: -100, chatType: 'supergroup', date: 9, lane: 'chat:-100' },
    ],
    chat_member: [
      { chat: group, from: ann, date: 9 },
      { userId: 11, from: ann, chatId: -100, chatType: 'supergroup', date: 9, lane: 'chat:-100' },
    ],
    chat_join_request: [
      { chat: group, from: ann, user_chat_id: 11, date: 9 },
      { userId: 11, from: ann, chatId: -100, chatType: 'supergroup', date: 9, lane: 'chat:-100' },
    ],
    chat_boost: [
      { chat: group, boost: { add_date: 9, source: { source: 'premium', user: ann } } },
      { userId: 11, from: ann, chatId: -100, chatType: 'supergroup', date: 9, lane: 'chat:-100' },
    ],
    removed_chat_boost: [
      { chat: group, remove_date: 9, source: { source: 'premium', user: ann } },
      { chatId: -100, chatType: 'supergroup', date: 9, lane: 'chat:-100' },
    ],
    managed_bot: [
      { user: ann, bot: { id: 99, is_bot: true } },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
    subscription: [
      { user: ann, invoice_payload: 'x', state: 'canceled' },
      { userId: 11, from: ann, lane: 'user:11' },
    ],
  }
  for (const [kind, [body, expected]] of Object.entries(cases)) {
    it(`are read from ${kind}`, () => {
      expect(facts({ [kind]: body })).to.deep.equal({ ...plain, kind, ...expected })
    })
  }

  it('name no person for a message in the name of a chat', () => {
    const stranger = { id: 1087968824, is_bot: true, first_name: 'Group' }
    const read = facts({
      message: { message_id: 3, from: stranger, sender_chat: group, chat: group, text: '/purge' },
    })
    expect(read).to.not.have.any.keys('userId', 'from')
    expect(read.senderChatId).to.equal(-100)
  })

  it('name no person for votes and reactions in the name of a chat', () => {
    const vote = facts({ poll_answer: { user: ann, voter_chat: group, poll_id: 'p' } })
    const reaction = facts({ message_reaction: { user: ann, actor_chat: group, chat: group } })
    for (const read of [vote, reaction]) {
      expect(read.userId).to.equal(undefined)
      expect(read.senderChatId).to.equal(-100)
    }
  })

  it('name no person for gifted boosts and failed payments', () => {
    const gift = { add_date: 9, source: { source: 'gift_code', user: ann } }
    expect(facts({ chat_boost: { chat: group, boost: gift } }).userId).to.equal(undefined)
    expect(facts({ subscription: { user: ann, state: 'failed' } }).userId).to.equal(undefined)
  })

  it('a press on an inline message lies in the lane of the person', () => {
    const read = facts({
      callback_query: { id: 'c', from: ann, inline_message_id: 'i', data: 'x' },
    })
    expect(read.lane).to.equal('user:11')
    expect(read.chatId).to.equal(undefined)
  })

  it('a reply thread outside a forum is no topic', () => {
    const message = { message_id: 3, from: ann, chat: group, message_thread_id: 4 }
    expect(facts({ message }).threadId).to.equal(undefined)
    expect(facts({ message: { ...message, is_topic_message: true } }).threadId).to.equal(4)
    const callback_query = { id: 'c', from: ann, message: { ...message, is_topic_message: true } }
    expect(facts({ callback_query }).threadId).to.equal(4)
  })

  it('forwarded messages are known by their origin, the old and the new way', () => {
    const message = { message_id: 3, from: ann, chat: direct, text: '/log' }
    expect(facts({ message }).isForwarded).to.equal(false)
    expect(facts({ message: { ...message, forward_origin: {} } }).isForwarded).to.equal(true)
    expect(facts({ message: { ...message, forward_date: 1 } }).isForwarded).to.equal(true)
  })

  it('a kind not known here has no actor and orders nothing', () => {
    for (const kind of ['message_hologram', 'constructor', 'toString', '__proto__']) {
      const update = JSON.parse(
        `{"update_id":5,"${kind}":{"from":{"id":11},"user":{"id":11},"chat":{"id":-100}}}`,
      )
      expect(factsOf(update), kind).to.deep.equal({ ...plain, kind, lane: 'update:5' })
    }
    expect(facts({})).to.deep.equal({ ...plain, kind: 'unknown', lane: 'update:5' })
  })

  it('nonsense inside a known kind is no reason to throw', () => {
    for (const body of [
      null,
      5,
      'x',
      [],
      { from: 7, chat: 'c' },
      { from: { id: 1.5 }, text: {} },
    ]) {
      expect(facts({ message: body })).to.deep.include({ kind: 'message', lane: 'update:5' })
      expect(facts({ callback_query: body }).userId).to.equal(undefined)
    }
  })

  it('a name neither breaks the line it is shown in nor turns it around; what makes up emoji stays', () => {
    const nameOf = (first_name: unknown) =>
      facts({ message: { ...direct, chat: direct, from: { ...ann, first_name } } }).from?.first_name
    expect(nameOf('Eve\n• Ann — owner')).to.equal('Eve • Ann — owner')
    expect(nameOf('Eve\u202enimda — renwo')).to.equal('Eve nimda — renwo')
    expect(nameOf('\u2066\0Eve\u2069\u0007')).to.equal('Eve')
    const family = 'Ann 👩\u200d👧 <b>'
    expect(nameOf(family)).to.equal(family)
    expect(() => nameOf({ toString: 5 })).to.not.throw()
  })

  it('an update is an object with an integer id, whatever else it holds', () => {
    const update = { update_id: 5, message: null }
    expect(parseUpdate(update)).to.equal(update)
    for (const value of [null, 7, 'x', [], {}, { update_id: '5' }, { update_id: 1.5 }]) {
      expect(parseUpdate(value), JSON.stringify(value)).to.equal(undefined)
    }
  })
})
