import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { inspect } from 'node:util'
import { expect } from 'chai'
import type { OpsError } from '../../../../core/errors.ts'
import { createGateway, type Gateway } from '../../../../core/telegram/gateway.ts'
import { freshFolder } from '../../../support/folders.ts'
import { recordingLog } from '../../../support/log.ts'
import { rejection, startApi, type TestApi, token } from '../api-server.ts'

describe('files', () => {
  let api: TestApi
  let gateway: Gateway
  let logs: ReturnType<typeof recordingLog>

  async function begin(script: Parameters<typeof startApi>[0]) {
    api = await startApi(script)
    logs = recordingLog()
    gateway = createGateway({ token, apiRoot: api.root, log: logs.log })
  }
  afterEach(async () => {
    await gateway.close()
    await api.close()
  })

  const file = (path: string, size?: number) => ({
    result: { file_id: 'f', file_unique_id: 'u', file_path: path, file_size: size },
  })
  /** getFile answers the path, the download what the test says. */
  const serving = (
    path: string,
    download: Parameters<typeof startApi>[0],
    size?: number,
  ): Parameters<typeof startApi>[0] => {
    let downloads = 0
    return (call, count) =>
      call.method === 'getFile' ? file(path, size) : download(call, downloads++ === 0 ? 1 : count)
  }

  describe('downloaded', () => {
    it('as a stream, with name and size', async () => {
      await begin(serving('photos/file_7.jpg', () => (response) => response.end('content')))
      const { stream, name, bytes } = await gateway.telegram.openFile('f')
      expect([name, bytes, await text(stream)]).to.deep.equal(['file_7.jpg', 7, 'content'])
    })

    it('are refused before the download when they are known to be too large', async () => {
      await begin(serving('a', () => (response) => response.end('content'), 21 * 1024 * 1024))
      const error = (await rejection(gateway.telegram.downloadFile('f'))) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_FILE_SIZE')
      expect(error.message).to.equal('The file is larger than 20 MB')
      expect(api.calls).to.have.length(1)
    })

    it('end as soon as more comes than was said', async () => {
      let sent = 0
      await begin(
        serving('a', () => (response) => {
          const endless = Readable.from(
            (function* () {
              for (;;) {
                sent += 65_536
                yield Buffer.alloc(65_536)
              }
            })(),
          )
          response.on('close', () => endless.destroy())
          endless.pipe(response)
        }),
      )
      const options = { maxBytes: 1024 * 1024 }
      const error = (await rejection(gateway.telegram.downloadFile('f', options))) as OpsError
      expect(error.code).to.equal('OPS_TELEGRAM_FILE_SIZE')
      expect(sent).to.be.below(64 * 1024 * 1024)
    })

    it('are begun anew when the connection breaks in the middle', async () => {
      await begin(
        serving('a', (_, count) =>
          count === 1
            ? (response) => {
                response.writeHead(200, { 'content-length': '7' })
                response.write('con', () => response.destroy())
              }
            : (response) => response.end('content'),
        ),
      )
      expect(String(await gateway.telegram.downloadFile('f'))).to.equal('content')
      expect(gateway.counts.repeated).to.equal(1)
    })

    it('end with the signal of their update', async () => {
      const stop = new AbortController()
      await begin(serving('a', () => (response) => response.write('con')))
      const bound = gateway.with({ signal: stop.signal })
      const { stream } = await bound.openFile('f')
      const reading = rejection(text(stream))
      const reason = new Error('deadline')
      stop.abort(reason)
      expect(await reading).to.equal(reason)
    })

    it('end when nothing comes any more', async () => {
      await begin(serving('a', () => (response) => response.write('con')))
      const { stream } = await gateway.telegram.openFile('f', { timeoutMs: 200 })
      expect(await rejection(text(stream))).to.have.property('code', 'OPS_TELEGRAM_TIMEOUT')
    })
  })

  describe('of a server with --local', () => {
    const folder = () => join(freshFolder(), token, 'documents')

    it('are read from the shared disk, by streams and whole', async () => {
      const dir = folder()
      await mkdir(dir, { recursive: true })
      await writeFile(join(dir, 'file_1.txt'), 'content')
      await begin(() => file(join(dir, 'file_1.txt')))
      expect(String(await gateway.telegram.downloadFile('f'))).to.equal('content')
      const { stream, name } = await gateway.telegram.openFile('f')
      expect([name, await text(stream)]).to.deep.equal(['file_1.txt', 'content'])
      const limits = { maxBytes: 3 }
      expect(await rejection(gateway.telegram.openFile('f', limits))).to.have.property(
        'code',
        'OPS_TELEGRAM_FILE_SIZE',
      )
    })

    it('T27: their folder, which is named after the token, is shown to nobody', async () => {
      await begin(() => file(`/var/lib/telegram-bot-api/${token}/documents/file_1.txt`))
      const seen: unknown[] = []
      const told = await gateway.telegram.getFile('f')
      expect(told.file_path).to.equal('documents/file_1.txt')
      seen.push(told, await gateway.with({}).call('GETFILE', { file_id: 'f' }))
      const error = (await rejection(gateway.telegram.openFile('f'))) as OpsError
      expect(error.message).to.equal("file_1.txt can't be read (ENOENT)")
      expect(error.hint).to.match(/--local/)
      seen.push(error, logs.lines)
      expect(inspect(seen, { depth: 20, showHidden: true })).to.not.include('secret')
    })

    for (const path of ['/etc/passwd', `/data/${token}/../../etc/passwd`]) {
      it(`never ${path}`, async () => {
        await begin(() => file(path))
        const error = (await rejection(gateway.telegram.openFile('f'))) as OpsError
        expect(error.message).to.equal('The server names a file outside the bot’s own folder')
      })
    }
  })

  describe('uploaded', () => {
    const limits: [what: string, bytes: number, field: 'document' | 'photo'][] = [
      ['a document over 50 MB', 50 * 1024 * 1024 + 1, 'document'],
      ['a picture over 10 MB', 10 * 1024 * 1024 + 1, 'photo'],
    ]
    for (const [what, bytes, field] of limits) {
      it(`${what} is refused before it leaves`, async () => {
        await begin(() => ({ result: true }))
        const cloud = createGateway({
          token,
          // never reached: the size is looked at first
          apiRoot: 'https://api.telegram.org',
          log: logs.log,
        })
        const source = Buffer.alloc(bytes)
        const payload = { chat_id: 1, [field]: { source } }
        const error = await rejection(cloud.call('sendDocument', payload, { retry: false }))
        expect(error).to.have.property('code', 'OPS_TELEGRAM_FILE_SIZE')
        await cloud.close()
      })
    }
  })
})
