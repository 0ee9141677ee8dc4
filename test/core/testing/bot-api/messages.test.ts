import { expect } from 'chai'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'
import { call } from './caller.ts'

describe('fake Bot API: messages', () => {
  let api: FakeBotApi

  before(async () => {
    api = await startFakeBotApi({ botUsername: 'ops_bot' })
  })

  after(() => api.close())

  const button = (data: string) => ({ inline_keyboard: [[{ text: 'Go', callback_data: data }]] })
  const send = (chatId: number, params: object = {}) =>
    call(api, 'sendMessage', { chat_id: chatId, text: 'hello', ...params })
  const pending = async () => (await call(api, 'getUpdates', { offset: -1 })).result[0]

  it('keeps plain text and entities of HTML, and finds commands and addresses by itself', async () => {
    const ann = api.user()
    await send(ann.id, {
      text: '<b>Hi</b> see https://example.org/x, or /help.',
      parse_mode: 'HTML',
    })
    const message = api.messages(ann.id)[0]!
    expect(message.text).to.equal('Hi see https://example.org/x, or /help.')
    expect(message.entities.map((e) => [e.type, e.offset, e.length])).to.deep.equal([
      ['bold', 0, 2],
      ['url', 7, 21],
      ['bot_command', 33, 5],
    ])
  })

  it('marks a command of a person with its length, also with the bot name', async () => {
    const ann = api.user()
    ann.sendText('/log@ops_bot 1h /etc/passwd')
    const { message } = await pending()
    expect(message.entities).to.deep.equal([{ type: 'bot_command', offset: 0, length: 12 }])
    expect(message.chat).to.include({ id: ann.id, type: 'private' })
  })

  const refused: [string, object, string][] = [
    ['an empty text', { text: '' }, 'message text is empty'],
    ['a text of spaces', { text: ' \n ' }, 'text must be non-empty'],
    ['more than 4096 characters', { text: 'x'.repeat(4097) }, 'message is too long'],
    ['an unknown chat', { chat_id: 4242 }, 'chat not found'],
    ['button data over 64 bytes', { reply_markup: button('я'.repeat(33)) }, 'BUTTON_DATA_INVALID'],
    ['empty button data', { reply_markup: button('') }, 'BUTTON_DATA_INVALID'],
    [
      'a local link on a button',
      { reply_markup: { inline_keyboard: [[{ text: 'Go', url: 'http://localhost:3000' }]] } },
      "inline keyboard button URL 'http://localhost:3000' is invalid: Wrong HTTP URL",
    ],
    [
      'an answer to nothing',
      { reply_parameters: { message_id: 999 } },
      'message to be replied not found',
    ],
    [
      'more than 100 buttons',
      {
        reply_markup: {
          inline_keyboard: Array.from({ length: 101 }, () => [{ text: 'Go', callback_data: 'a' }]),
        },
      },
      'reply markup is too long',
    ],
    ['a mode of markup that is none', { parse_mode: 'BBCode' }, 'unsupported parse_mode'],
    [
      'markup that nobody closed',
      { text: '<b>open', parse_mode: 'HTML' },
      'can\'t parse entities: Can\'t find end tag corresponding to start tag "b"',
    ],
    ['a keyboard that is none', { reply_markup: '[1' }, "can't parse reply markup JSON object"],
  ]
  for (const [what, params, reason] of refused) {
    it(`refuses ${what} with Telegram's words`, async () => {
      const answer = await send(api.user().id, params)
      expect(answer).to.include({
        status: 400,
        ok: false,
        error_code: 400,
        description: `Bad Request: ${reason}`,
      })
    })
  }

  it('refuses a caption of more than 1024 characters', async () => {
    const ann = api.user()
    const { id } = api.world.files.add(
      { name: 'a', mime: 'text/plain', data: Buffer.of(1) },
      'document',
    )
    const answers = await Promise.all(
      [1024, 1025].map((length) =>
        call(api, 'sendDocument', { chat_id: ann.id, document: id, caption: 'x'.repeat(length) }),
      ),
    )
    expect(answers.map(({ ok }) => ok)).to.deep.equal([true, false])
    expect(answers[1]?.description).to.equal('Bad Request: message caption is too long')
  })

  it('takes 4096 characters after the markup is read', async () => {
    const text = `<b>${'x'.repeat(4096)}</b>`
    expect((await send(api.user().id, { text, parse_mode: 'HTML' })).ok).to.equal(true)
  })

  it('edits its own message, says when nothing would change, and not what is not its own', async () => {
    const ann = api.user()
    const { result } = await send(ann.id, { reply_markup: button('a') })
    const at = { chat_id: ann.id, message_id: result.message_id }
    const edited = api.next('edit')
    const same = { text: 'hello', reply_markup: button('a') }
    expect((await call(api, 'editMessageText', { ...at, ...same })).description).to.match(
      /^Bad Request: message is not modified: specified new message content/,
    )
    await call(api, 'editMessageText', { ...at, text: 'changed' })
    const message = await edited
    expect([message.text, message.buttons.length, message.edits]).to.deep.equal(['changed', 0, 1])
    await call(api, 'editMessageReplyMarkup', { ...at, reply_markup: button('b') })
    expect(message.buttons[0]?.callback_data).to.equal('b')
    const own = ann.sendText('mine')
    expect(
      (await call(api, 'editMessageText', { ...at, message_id: own.id, text: 'x' })).description,
    ).to.equal("Bad Request: message can't be edited")
    await call(api, 'deleteMessage', at)
    expect((await call(api, 'editMessageText', { ...at, text: 'x' })).description).to.equal(
      'Bad Request: message to edit not found',
    )
    expect((await call(api, 'deleteMessage', at)).description).to.equal(
      'Bad Request: message to delete not found',
    )
  })

  it('brings a press to the bot and the answer back to who pressed', async () => {
    const ann = api.user()
    await send(ann.id, { reply_markup: button('v1:x') })
    const press = ann.press(api.messages(ann.id)[0]!, 'Go')
    const { callback_query } = await pending()
    expect(callback_query).to.deep.include({ id: press.id, from: ann.user, data: 'v1:x' })
    await call(api, 'answerCallbackQuery', {
      callback_query_id: press.id,
      text: 'No',
      show_alert: true,
    })
    expect(await press.answered).to.include({ text: 'No', alert: true })
    expect(() => ann.press(api.messages(ann.id)[0]!, 'Stop'))
      .to.throw('no button "Stop"')
      .with.property('code', 'OPS_TEST_MISSING')
  })

  it('answers 403 once a person has blocked the bot, and tells the bot of it', async () => {
    const ann = api.user()
    ann.blocksBot()
    expect((await pending()).my_chat_member.new_chat_member.status).to.equal('kicked')
    expect(await send(ann.id)).to.include({
      status: 403,
      description: 'Forbidden: bot was blocked by the user',
    })
    ann.sendText('/start')
    expect((await send(ann.id)).ok).to.equal(true)
  })

  it("can't begin with somebody who has never written", async () => {
    const stranger = api.user({ started: false })
    expect((await send(stranger.id)).description).to.equal(
      "Forbidden: bot can't initiate conversation with a user",
    )
  })

  it('sends 400 with the new id when a group has become a supergroup', async () => {
    const group = api.group({ type: 'group' })
    const next = api.world.migrate(group)
    const answer = await send(group.id)
    expect(answer.description).to.equal('Bad Request: group chat was upgraded to a supergroup chat')
    expect(answer.parameters?.migrate_to_chat_id).to.equal(next.id)
    expect((await send(next.id)).ok).to.equal(true)
  })

  it('keeps topics apart and refuses one that is not there', async () => {
    const forum = api.group({ forum: true })
    const topic = api.world.topic(forum, 'Night shift')
    const sent = await send(forum.id, { message_thread_id: topic })
    expect(sent.result).to.include({ message_thread_id: topic, is_topic_message: true })
    expect((await send(forum.id, { message_thread_id: 999 })).description).to.equal(
      'Bad Request: message thread not found',
    )
  })

  it('shows a bot in privacy mode only what is meant for it', async () => {
    const shy = await startFakeBotApi({ privacyMode: true, botUsername: 'ops_bot' })
    const ann = shy.user()
    const chat = shy.group({ members: [ann] })
    for (const text of ['talk', '/cmd', '/cmd@other_bot', '/cmd@ops_bot', 'hey @ops_bot']) {
      ann.sendText(text, { chat })
    }
    const { result } = await call(shy, 'getUpdates')
    expect(result.map((u: { message: { text: string } }) => u.message.text)).to.deep.equal([
      '/cmd',
      '/cmd@ops_bot',
      'hey @ops_bot',
    ])
    await shy.close()
  })

  it('tells of typing, reactions and membership', async () => {
    const ann = api.user()
    const group = api.group({ administrators: [ann] })
    const typing = api.next('typing')
    await call(api, 'sendChatAction', { chat_id: ann.id, action: 'typing' })
    expect(await typing).to.include({ chatId: ann.id, action: 'typing' })
    const member = await call(api, 'getChatMember', { chat_id: group.id, user_id: ann.id })
    expect(member.result.status).to.equal('creator')
    await call(api, 'leaveChat', { chat_id: group.id })
    expect((await send(group.id)).status).to.equal(403)
  })

  it('names the last calls when an awaited event does not come', async () => {
    const error = await api.next('message', () => false, 5).catch((e: unknown) => e)
    expect(error).to.have.property('code', 'OPS_TEST_DEADLINE')
  })
})
