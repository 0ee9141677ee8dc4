import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import type { OpsError } from '../../../../core/errors.ts'
import { createGateway, type Gateway, type SentCall } from '../../../../core/telegram/gateway.ts'
import { recordingLog } from '../../../support/log.ts'
import { rejection, startApi, type TestApi, token } from '../api-server.ts'

const bytes = Buffer.from([0, 13, 10, 45, 45, 255, 200])

describe('uploads', () => {
  let api: TestApi
  let gateway: Gateway
  let answer: Parameters<typeof startApi>[0]

  beforeEach(async () => {
    answer = () => ({ result: { message_id: 1 } })
    api = await startApi((call, count) => answer(call, count))
    gateway = createGateway({ token, apiRoot: api.root, log: recordingLog().log })
  })
  afterEach(async () => {
    await gateway.close()
    await api.close()
  })

  /** The form of the n-th call, read by Node's own parser. */
  async function form(n = 0): Promise<FormData> {
    const call = api.calls[n]
    if (call === undefined) throw new Error(`there was no call ${n}`)
    return new Response(new Uint8Array(call.raw), {
      headers: { 'content-type': call.contentType },
    }).formData()
  }

  async function expectFile(data: FormData, field: string, name: string, content = bytes) {
    const file = data.get(field)
    if (!(file instanceof File)) throw new Error(`${field} is no file`)
    expect(file.name).to.equal(name)
    expect(Buffer.from(await file.arrayBuffer())).to.deep.equal(content)
  }

  it('T23: object fields survive multipart', async () => {
    await gateway.telegram.sendDocument(
      1,
      { source: bytes, filename: 'a.bin' },
      {
        caption: 'Отчёт "x"',
        disable_notification: true,
        reply_parameters: { message_id: 7 },
        caption_entities: [{ type: 'bold', offset: 0, length: 5 }],
        reply_markup: { inline_keyboard: [[{ text: 'site', url: 'https://x.y' }]] },
      },
    )
    const data = await form()
    expect(data.get('chat_id')).to.equal('1')
    expect(data.get('caption')).to.equal('Отчёт "x"')
    expect(data.get('disable_notification')).to.equal('true')
    expect(data.get('reply_parameters')).to.equal('{"message_id":7}')
    expect(data.get('caption_entities')).to.equal('[{"type":"bold","offset":0,"length":5}]')
    expect(JSON.parse(String(data.get('reply_markup'))).inline_keyboard[0][0].url).to.equal(
      'https://x.y',
    )
    await expectFile(data, 'document', 'a.bin')
  })

  it('sends buffers, typed arrays, streams and paths', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'opsgram-upload-'))
    try {
      const path = join(dir, 'report.txt')
      await writeFile(path, bytes)
      const sources = [bytes, new Uint8Array(bytes), Readable.from([bytes]), path]
      for (const source of sources) {
        await gateway.call('sendPhoto', { chat_id: 1, photo: { source } })
      }
    } finally {
      await rm(dir, { recursive: true })
    }
    for (const n of [0, 1, 2]) await expectFile(await form(n), 'photo', 'photo.jpg')
    await expectFile(await form(3), 'photo', 'report.txt')
  })

  it('refers to files inside of objects by attach://', async () => {
    await gateway.telegram.sendMediaGroup(1, [
      { type: 'photo', media: { source: bytes }, caption: 'one' },
      { type: 'video', media: 'file-id', thumbnail: { source: bytes } },
    ])
    const data = await form()
    const media = JSON.parse(String(data.get('media')))
    expect(media).to.deep.equal([
      { type: 'photo', media: 'attach://file0', caption: 'one' },
      { type: 'video', media: 'file-id', thumbnail: 'attach://file1' },
    ])
    await expectFile(data, 'file0', 'photo.jpg')
    await expectFile(data, 'file1', 'thumbnail.jpg')
  })

  it('refers to a thumbnail of its own by attach:// too', async () => {
    await gateway.telegram.sendDocument(1, { source: bytes }, { thumbnail: { source: bytes } })
    const data = await form()
    expect(data.get('thumbnail')).to.equal('attach://file0')
    await expectFile(data, 'document', 'document.dat')
  })

  it('a name of a file cannot add headers or fields', async () => {
    const filename = 'a"\r\ncontent-type: text/html\r\n\r\n.txt'
    await gateway.telegram.sendDocument(1, { source: bytes, filename })
    const data = await form()
    expect([...data.keys()]).to.deep.equal(['chat_id', 'document'])
  })

  it('T24: { url } inputs are refused and nothing is fetched', async () => {
    const inputs = [
      () => gateway.telegram.sendPhoto(1, { url: `${api.root}/internal` }),
      () =>
        gateway.telegram.sendMediaGroup(1, [
          { type: 'photo', media: { url: `${api.root}/internal` } },
        ]),
      () => gateway.telegram.sendDocument(1, 'id', { thumbnail: { url: `${api.root}/internal` } }),
    ]
    for (const input of inputs) {
      const error = (await rejection(input())) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_URL_INPUT')
    }
    expect(api.calls).to.deep.equal([])
  })

  it('addresses elsewhere are no files: buttons, previews, and the address itself as a string', async () => {
    await gateway.telegram.sendMessage(1, 'x', {
      link_preview_options: { url: 'https://x.y' },
      reply_markup: { inline_keyboard: [[{ text: 'a', web_app: { url: 'https://x.y' } }]] },
    })
    await gateway.telegram.setChatMenuButton({
      chatId: 1,
      menuButton: { type: 'web_app', text: 'x', web_app: { url: 'https://x.y' } },
    })
    await gateway.telegram.sendPhoto(1, 'https://x.y/a.jpg')
    await gateway.telegram.callApi('setPassportDataErrors', {
      user_id: 1,
      errors: [{ source: 'data', type: 'passport', field_name: 'a', data_hash: 'b', message: 'c' }],
    })
    for (const { contentType } of api.calls) expect(contentType).to.equal('application/json')
  })

  it('uploads again after 429, but not what can be read only once', async () => {
    answer = (_, count) =>
      count % 2 === 1 ? { error: 429, parameters: { retry_after: 0.05 } } : { result: true }
    await gateway.telegram.sendDocument(1, { source: bytes })
    await expectFile(await form(1), 'document', 'document.dat')
    const error = await rejection(
      gateway.telegram.sendDocument(1, { source: Readable.from([bytes]) }),
    )
    expect(error).to.have.property('code', 429)
    expect(api.calls).to.have.length(3)
  })

  it('tells the message log of names and sizes, not of contents', async () => {
    const sent: SentCall[] = []
    gateway.sent.on('call', (call) => sent.push(call))
    const file = { source: bytes, filename: 'a.bin' }
    await gateway.telegram.sendDocument(1, file, { caption: 'see' })
    await gateway.telegram.sendMediaGroup(1, [{ type: 'photo', media: { source: bytes } }])
    expect(sent[0]?.payload).to.deep.equal({
      chat_id: 1,
      caption: 'see',
      document: { file: 'a.bin', bytes: 7 },
    })
    expect(sent[0]?.text).to.equal('see')
    expect(sent[1]?.payload).to.deep.equal({
      chat_id: 1,
      media: [{ type: 'photo', media: { file: undefined, bytes: 7 } }],
    })
  })

  it('a directory or a missing file is a coded error', async () => {
    for (const source of [tmpdir(), '/nonexistent/opsgram']) {
      const error = (await rejection(gateway.telegram.sendDocument(1, { source }))) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_FILE')
    }
    expect(api.calls).to.deep.equal([])
  })
})
