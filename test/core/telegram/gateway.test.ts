import { inspect } from 'node:util'
import { expect } from 'chai'
import { TelegramError } from 'telegraf'
import { OpsError } from '../../../core/errors.ts'
import { createGateway, type Gateway, type SentCall } from '../../../core/telegram/gateway.ts'
import { html } from '../../../core/telegram/html.ts'
import { maybeSent } from '../../../core/telegram/transport.ts'
import { recordingLog } from '../../support/log.ts'
import { until } from '../../support/wait.ts'
import { rejection, startApi, type TestApi, token } from './api-server.ts'

const message = (id: number) => ({ result: { message_id: id, chat: { id: 1 }, date: 0 } })

describe('gateway', () => {
  let api: TestApi
  let gateway: Gateway
  let logs: ReturnType<typeof recordingLog>
  let sent: SentCall[]

  const linesOf = (event: string) => logs.lines.filter((line) => line.event === event)

  async function begin(script: Parameters<typeof startApi>[0]) {
    api = await startApi(script)
    logs = recordingLog()
    gateway = createGateway({ token, apiRoot: api.root, log: logs.log })
    sent = []
    gateway.sent.on('call', (call) => sent.push(call))
  }

  afterEach(async () => {
    await gateway.close()
    await api.close()
  })

  describe('calls', () => {
    it("carries Telegraf's shortcuts and leaves nulls out", async () => {
      await begin(() => message(5))
      const result = await gateway.telegram.sendMessage(1, 'null: "a":null', {
        reply_parameters: { message_id: 3, chat_id: null as unknown as number },
        parse_mode: null as unknown as 'HTML',
      })
      expect(result.message_id).to.equal(5)
      expect(api.calls[0]?.path).to.equal(`/bot${token}/sendMessage`)
      expect(api.calls[0]?.payload).to.deep.equal({
        chat_id: 1,
        text: 'null: "a":null',
        reply_parameters: { message_id: 3 },
      })
    })

    it('passes methods through that are newer than the types', async () => {
      await begin(() => ({ result: { anything: true } }))
      expect(await gateway.call('sendChecklist', { chat_id: 1 })).to.deep.equal({ anything: true })
    })

    it('types methods that are newer than Telegraf, in what they take and in what they answer', async () => {
      await begin(({ method }) => (method === 'sendChecklist' ? message(4) : { result: 'new' }))
      const checklist = { title: 'Night shift', tasks: [{ id: 1, text: 'Look at the backups' }] }
      const sent = await gateway
        .with({})
        .call('sendChecklist', { business_connection_id: 'b', chat_id: 1, checklist })
      // the compiler is the judge of the type, the server of the name
      const id: number = sent.message_id
      // @ts-expect-error a checklist has tasks
      await gateway.with({}).call('sendChecklist', { business_connection_id: 'b', chat_id: 1 })
      const answer: unknown = await gateway.with({}).call('sendNextYear', { anything: true })
      expect([id, answer]).to.deep.equal([4, 'new'])
    })

    for (const method of ['getUpdates', 'setWebhook', 'deleteWebhook', 'logOut', 'CLOSE']) {
      it(`refuses ${method} to plugins before anything is sent`, async () => {
        await begin(() => ({ result: true }))
        for (const call of [
          gateway.with({}).call(method, {}),
          gateway.with({}).callApi(method as 'getUpdates', {}),
        ]) {
          expect(await rejection(call)).to.have.property('code', 'OPS_TELEGRAM_METHOD')
        }
        expect(api.calls).to.deep.equal([])
      })
    }

    it('keeps a path prefix of the API root', async () => {
      await begin(() => ({ result: true }))
      const behindProxy = createGateway({ token, apiRoot: `${api.root}/tg/`, log: logs.log })
      await behindProxy.telegram.getMe()
      await behindProxy.close()
      expect(api.calls[0]?.path).to.equal(`/tg/bot${token}/getMe`)
    })

    it('tells of each finished call, and a listener that throws breaks none', async () => {
      await begin(({ method }) => (method === 'sendMessage' ? message(9) : { error: 403 }))
      gateway.sent.prependListener('call', () => {
        throw new Error('listener')
      })
      const bound = gateway.with({ updateId: 77 })
      await bound.sendMessage(1, 'hello')
      await rejection(bound.sendChatAction(1, 'typing'))
      expect(linesOf('telegram.listener.failed')).to.have.length(2)
      gateway.sent.removeAllListeners()
      gateway.sent.on('call', (call) => sent.push(call))
      await bound.sendMessage(1, 'hello')
      await rejection(bound.sendChatAction(1, 'typing'))
      expect(sent[0]).to.include({
        method: 'sendMessage',
        chatId: 1,
        messageId: 9,
        text: 'hello',
        ok: true,
        updateId: 77,
      })
      expect(sent[0]?.ms).to.be.a('number')
      expect(sent[1]).to.include({ method: 'sendChatAction', ok: false })
      expect(sent[1]?.error).to.be.instanceOf(TelegramError)
    })
  })

  describe('limits and repeats', () => {
    it('T25: 429 pauses that chat alone and sends after retry_after', async () => {
      await begin(({ payload }, count) =>
        payload.chat_id === 1 && count === 1
          ? { error: 429, parameters: { retry_after: 1 } }
          : message(1),
      )
      const slow = gateway.telegram.sendMessage(1, 'a')
      await until('the 429', () => gateway.counts.limited === 1)
      await gateway.telegram.sendMessage(2, 'b')
      await gateway.telegram.sendMessage(1, 'c')
      await slow
      const first = api.calls[0]?.at ?? 0
      expect(api.calls[1]?.payload.text, 'another chat does not wait').to.equal('b')
      for (const call of api.calls.slice(2)) expect(call.at - first).to.be.at.least(950)
      expect(api.calls.map(({ payload }) => payload.text)).to.have.members(['a', 'b', 'a', 'c'])
    })

    it('does not wait for 429 beyond the deadline of its update', async () => {
      await begin(() => ({ error: 429, parameters: { retry_after: 30 } }))
      const bound = gateway.with({ deadlineAt: Date.now() + 20_000 })
      const first = (await rejection(bound.sendMessage(1, 'a'))) as TelegramError
      const second = (await rejection(bound.sendMessage(1, 'b'))) as TelegramError
      expect(first.parameters?.retry_after).to.equal(30)
      expect(second.code).to.equal(429)
      expect(api.calls, 'the second was not even sent').to.have.length(1)
    })

    it('an aborted signal ends a wait for 429 at once', async () => {
      await begin(() => ({ error: 429, parameters: { retry_after: 20 } }))
      const stop = new AbortController()
      const call = rejection(gateway.with({ signal: stop.signal }).sendMessage(1, 'a'))
      await until('the 429', () => gateway.counts.limited === 1)
      const reason = new Error('reload')
      stop.abort(reason)
      expect(await call).to.equal(reason)
    })

    it('repeats safe calls after 5xx, resets and pages of proxies', async () => {
      await begin((_, count) => {
        if (count === 1) return { error: 500 }
        if (count === 2) return 'reset'
        if (count === 3) return (response) => response.writeHead(502).end('<html>502</html>')
        return { result: true }
      })
      expect(await gateway.telegram.editMessageText(1, 2, undefined, 'x')).to.equal(true)
      expect(api.calls).to.have.length(4)
      expect(gateway.counts.repeated).to.equal(3)
    })

    it('never repeats a send that may have arrived, and says so', async () => {
      await begin(({ payload }) => (payload.text === 'reset' ? 'reset' : { error: 500 }))
      const reset = (await rejection(gateway.telegram.sendMessage(1, 'reset'))) as OpsError
      const broken = await rejection(gateway.telegram.sendMessage(1, '500'))
      expect(reset.code).to.equal('OPS_TELEGRAM_UNREACHABLE')
      expect(reset.message).to.match(/may have had its effect/)
      expect(maybeSent(reset)).to.equal(true)
      expect(maybeSent(broken)).to.equal(true)
      expect(api.calls).to.have.length(2)
    })

    it('repeats a send that certainly never left', async () => {
      await begin(() => message(1))
      await api.close()
      const call = gateway.telegram.sendMessage(1, 'a')
      await until('a repeat', () => gateway.counts.repeated >= 1)
      const error = (await rejection(call)) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_UNREACHABLE')
      expect(maybeSent(error)).to.equal(false)
      expect(gateway.counts.repeated).to.equal(5)
    })

    it('a closed gateway fails at once', async () => {
      await begin(() => 'hang')
      const running = rejection(gateway.telegram.getMe())
      await until('the call', () => api.calls.length === 1)
      await gateway.close()
      for (const call of [running, rejection(gateway.telegram.getMe())]) {
        expect(await call).to.have.property('code', 'OPS_TELEGRAM_UNREACHABLE')
      }
      expect(gateway.counts.repeated).to.equal(0)
    })

    it('a poll never queues behind calls', async () => {
      await begin(({ method }) => (method === 'getUpdates' ? { result: [] } : 'hang'))
      const narrow = createGateway({ token, apiRoot: api.root, log: logs.log, connections: 1 })
      const busy = rejection(narrow.telegram.sendMessage(1, 'x'))
      await until('the call', () => api.calls.length === 1)
      expect(await narrow.transport.poll('getUpdates', {})).to.deep.equal([])
      await narrow.close()
      await busy
    })

    it('T26: a hanging server ends in OPS_TELEGRAM_TIMEOUT', async () => {
      await begin(() => 'hang')
      const error = (await rejection(
        gateway.call('sendMessage', { chat_id: 1, text: 'a' }, { timeoutMs: 200 }),
      )) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_TIMEOUT')
      expect(maybeSent(error)).to.equal(true)
    })

    it('takes the word of a caller who says that a call may be made twice, or may not', async () => {
      await begin((_, count) => (count === 1 ? { error: 500 } : { result: true }))
      const unsafe: string[] = []
      const bound = gateway.with({ onUnsafeCall: (method) => unsafe.push(method) })
      expect(await bound.call('sendNextYear', {}, { repeatable: true })).to.equal(true)
      await rejection(bound.call('editNextYear', {}, { repeatable: false }))
      expect(unsafe).to.deep.equal(['editNextYear'])
    })

    it('waits no longer than its caller is patient', async () => {
      await begin(() => ({ error: 429, parameters: { retry_after: 5 } }))
      const call = gateway.call('sendMessage', { chat_id: 1, text: 'x' }, { patienceMs: 1_000 })
      expect(await rejection(call)).to.have.property('code', 429)
      expect(api.calls).to.have.length(1)
    })

    it('a call that is given up while it waits for a connection is never sent', async () => {
      await begin(({ method }) => (method === 'getMe' ? 'hang' : { result: true }))
      const narrow = createGateway({ token, apiRoot: api.root, log: logs.log, connections: 1 })
      const busy = rejection(narrow.call('getMe', {}, { timeoutMs: 400, retry: false }))
      await until('the busy connection', () => api.calls.length === 1)
      const stop = new AbortController()
      const given = rejection(
        narrow.call('sendMessage', { chat_id: 1, text: 'no' }, { signal: stop.signal }),
      )
      const reason = new Error('deadline')
      stop.abort(reason)
      expect(await given).to.equal(reason)
      await busy
      await narrow.call('sendMessage', { chat_id: 1, text: 'yes' })
      expect(api.of('sendMessage').map(({ payload }) => payload.text)).to.deep.equal(['yes'])
      await narrow.close()
    })

    it('tries once when told not to retry', async () => {
      await begin(() => ({ error: 500 }))
      await rejection(gateway.call('getMe', {}, { retry: false }))
      expect(api.calls).to.have.length(1)
    })

    it('tells the binding of unsafe calls alone, before they leave', async () => {
      await begin(() => ({ result: true }))
      const unsafe: string[] = []
      const bound = gateway.with({
        onUnsafeCall: (method) => unsafe.push(`${method}:${api.calls.length}`),
      })
      await bound.getMe()
      await bound.answerCbQuery('1')
      await bound.editMessageText(1, 2, undefined, 'x')
      await bound.sendMessage(1, 'x')
      await bound.call('someNewMethod', {})
      expect(unsafe).to.deep.equal(['sendMessage:3', 'someNewMethod:4'])
    })
  })

  describe('refusals', () => {
    it('"message is not modified" is success', async () => {
      await begin(() => ({
        error: 400,
        description: 'Bad Request: message is not modified: specified new message content…',
      }))
      expect(await gateway.telegram.editMessageText(1, 2, undefined, 'x')).to.equal(true)
      expect(sent[0]?.ok).to.equal(true)
    })

    it('so is CHAT_NOT_MODIFIED', async () => {
      await begin(() => ({ error: 400, description: 'Bad Request: CHAT_NOT_MODIFIED' }))
      expect(await gateway.telegram.pinChatMessage(1, 2)).to.equal(true)
    })

    it('T31: an answer to a press that is too old is swallowed', async () => {
      await begin(() => ({
        error: 400,
        description:
          'Bad Request: query is too old and response timeout expired or query ID is invalid',
      }))
      expect(await gateway.telegram.answerCbQuery('1')).to.equal(true)
    })

    it('a deletion whose first answer got lost is success', async () => {
      await begin((_, count) =>
        count === 1
          ? 'reset'
          : { error: 400, description: 'Bad Request: message to delete not found' },
      )
      expect(await gateway.telegram.deleteMessage(1, 2)).to.equal(true)
    })

    it('re-sends as plain text once when the markup is refused', async () => {
      await begin(({ payload }) =>
        payload.parse_mode === undefined
          ? message(1)
          : { error: 400, description: "Bad Request: can't parse entities: unclosed tag" },
      )
      await gateway.telegram.sendMessage(1, '<b>5 &lt; 6 <a href="https://x.y/">see</a>', {
        parse_mode: 'HTML',
      })
      expect(api.calls[1]?.payload).to.deep.equal({
        chat_id: 1,
        text: '5 < 6 see (https://x.y/)',
      })
      expect(gateway.counts.markupRefused).to.equal(1)
      expect(linesOf('telegram.markup.refused')).to.have.length(1)
    })

    it('gives up when plain text is refused for the same reason', async () => {
      await begin(() => ({ error: 400, description: "Bad Request: can't parse entities" }))
      await rejection(gateway.telegram.sendMessage(1, 'x', { parse_mode: 'MarkdownV2' }))
      expect(api.calls).to.have.length(2)
    })

    it('follows a group that became a supergroup and tells of it', async () => {
      await begin(({ payload }) =>
        payload.chat_id === -5
          ? {
              error: 400,
              description: 'Bad Request: group chat was upgraded to a supergroup chat',
              parameters: { migrate_to_chat_id: -1005 },
            }
          : message(1),
      )
      const moved: unknown[] = []
      gateway.sent.on('migrated', (move) => moved.push(move))
      await gateway.telegram.sendMessage(-5, 'x')
      expect(api.calls[1]?.payload.chat_id).to.equal(-1005)
      expect(moved).to.deep.equal([{ from: -5, to: -1005 }])
    })

    for (const [code, description] of [
      [403, 'Forbidden: bot was blocked by the user'],
      [400, 'Bad Request: chat not found'],
    ] as const) {
      it(`surfaces "${description}" as Telegraf's TelegramError`, async () => {
        await begin(() => ({ error: code, description }))
        const error = (await rejection(gateway.telegram.sendMessage(1, 'secret'))) as TelegramError
        expect(error).to.be.instanceOf(TelegramError)
        expect(error.response).to.deep.equal({ error_code: code, description })
        expect(error.on).to.deep.equal({ method: 'sendMessage', payload: { chat_id: 1 } })
      })
    }

    it('says so when something else than a Bot API server answers', async () => {
      await begin(() => (response) => response.writeHead(200).end('<h1>Sign in</h1>'))
      const error = (await rejection(gateway.telegram.getMe())) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_ANSWER')
      expect(error.message).to.include('Sign in')
    })

    it('does not read answers without end', async () => {
      await begin(() => (response) => response.end(Buffer.alloc(33 * 1024 * 1024)))
      const error = (await rejection(gateway.telegram.getMe())) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_ANSWER')
      expect(api.calls).to.have.length(1)
    })

    it('takes a bare 500 without ok and description for what it is', async () => {
      await begin(() => (response) => response.writeHead(500).end('{"message":"no such route"}'))
      const error = (await rejection(gateway.telegram.sendMessage(1, 'x'))) as TelegramError
      expect(error.code).to.equal(500)
    })
  })

  describe('T27: secrets', () => {
    it('no error, event, log line or inspection holds the token or the text', async () => {
      await begin(({ payload, path }) => {
        const text = String(payload.text)
        if (text.startsWith('html')) {
          return (response) => response.writeHead(404).end(`<p>${path} not found</p>`)
        }
        if (text.startsWith('json')) return { error: 400, description: `no ${path}` }
        if (text.startsWith('page')) return (response) => response.writeHead(502).end(path)
        return text.startsWith('reset') ? 'reset' : 'hang'
      })
      const seen: unknown[] = [gateway, gateway.telegram, gateway.with({}), gateway.transport]
      for (const kind of ['html', 'json', 'page', 'reset', 'hang']) {
        const text = `${kind} hunter2`
        seen.push(
          await rejection(gateway.call('sendMessage', { chat_id: 1, text }, { timeoutMs: 100 })),
        )
      }
      seen.push(await rejection(gateway.telegram.getFileLink('f')))
      seen.push(logs.lines)
      const inspected = inspect(seen, { depth: 20, showHidden: true })
      expect(inspected).to.not.include('secret')
      expect(inspected).to.not.include('hunter2')
      expect(inspect(sent, { depth: 20 })).to.not.include('secret')
    })

    it('gives the content of a file, never its link', async () => {
      await begin(({ method, path }) => {
        if (method === 'getFile')
          return { result: { file_id: 'f', file_path: 'documents/a b.txt' } }
        return path === `/file/bot${token}/documents/a%20b.txt`
          ? (response) => response.end('content')
          : { error: 404 }
      })
      expect(String(await gateway.telegram.downloadFile('f'))).to.equal('content')
      const error = (await rejection(gateway.telegram.getFileLink('f'))) as OpsError
      expect(error).to.be.instanceOf(OpsError)
      expect(error.code).to.equal('OPS_TELEGRAM_FILE_LINK')
    })
  })

  describe('long text', () => {
    it('is sent in parts, the reply on the first, the buttons under the last', async () => {
      await begin(() => message(1))
      const line = `${'x'.repeat(99)}\n`
      await gateway.telegram.sendText(1, html`<b>${line.repeat(60)}</b>`, {
        reply_parameters: { message_id: 2 },
        reply_markup: { inline_keyboard: [] },
      })
      expect(api.calls.map(({ payload }) => Object.keys(payload))).to.deep.equal([
        ['chat_id', 'reply_parameters', 'parse_mode', 'text'],
        ['chat_id', 'reply_markup', 'parse_mode', 'text'],
      ])
      for (const { payload } of api.calls) expect(payload.text).to.match(/^<b>[^<]*<\/b>$/)
    })

    it('of blanks alone is refused by Telegram, not swallowed', async () => {
      await begin(() => ({ error: 400, description: 'Bad Request: message text is empty' }))
      expect(await rejection(gateway.telegram.sendText(1, ' '))).to.have.property('code', 400)
    })

    it('becomes a file when it would be more than five messages', async () => {
      await begin(() => message(1))
      await gateway.telegram.sendText(1, 'word '.repeat(10_000))
      expect(api.calls.map(({ method }) => method)).to.deep.equal(['sendDocument'])
      expect(api.calls[0]?.raw.toString()).to.include('filename="message.txt"')
    })
  })
})
