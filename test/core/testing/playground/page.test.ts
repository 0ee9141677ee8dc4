import { EventEmitter, once } from 'node:events'
import { existsSync } from 'node:fs'
import { expect } from 'chai'
import { type FastifyInstance, fastify } from 'fastify'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { FakeBotApi } from '../../../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../../../core/testing/bot-api/server.ts'
import type { Press } from '../../../../core/testing/bot-api/world/message.ts'
import type { PlaygroundNotice } from '../../../../core/testing/playground/notices.ts'
import { mountPlayground } from '../../../../core/testing/playground/playground.ts'
import { createScene, playgroundIds } from '../../../../core/testing/playground/scene.ts'

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const { owner, stranger, group } = playgroundIds

describe('playground page, in a browser', () => {
  let browser: Browser
  let page: Page
  let api: FakeBotApi
  let http: FastifyInstance
  let address: string
  const events = new EventEmitter<{ notice: [PlaygroundNotice] }>()
  const complaints: string[] = []

  before(async function () {
    // A fresh machine has no browser; what the page is made of is tested without one.
    if (!existsSync(executablePath)) this.skip()
    const args =
      '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'
    browser = await chromium.launch({ executablePath, args: args.split(' ') })
    api = await startFakeBotApi()
    http = fastify({ forceCloseConnections: true })
    mountPlayground(http, { api, people: createScene(api), notices: events })
    address = await http.listen({ port: 0, host: '127.0.0.1' })
  })

  after(async () => {
    await browser?.close()
    await http?.close()
    await api?.close()
  })

  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()))
    await page.goto(`${address}/playground#/${owner}/${owner}`)
    await page.waitForSelector('.chat')
  })

  afterEach(async () => {
    await page?.close()
    // A broken content security policy would be seen here, too.
    expect(complaints.splice(0)).to.deep.equal([])
  })

  const say = (chat: number, text: string, more: object = {}) =>
    fetch(`${api.url}/bot${api.token}/sendMessage`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ chat_id: chat, text, ...more }),
    })

  it('sends what is typed, and draws markup of outside text as text', async () => {
    const sent = api.next('message')
    await page.fill('#input', '<img src=x onerror=alert(1)>')
    await page.press('#input', 'Enter')
    expect((await sent).text).to.equal('<img src=x onerror=alert(1)>')
    await say(owner, '<b>bold &lt;script&gt;</b>', { parse_mode: 'HTML' })
    expect(await page.textContent('.log .in strong')).to.equal('bold <script>')
    expect(await page.locator('.log img, .log script').count()).to.equal(0)
  })

  it('keeps the line to write in as high as a line on a phone, behind the chats and back', async () => {
    const height = () => page.locator('#input').evaluate((input) => input.clientHeight)
    await page.setViewportSize({ width: 390, height: 800 })
    const before = await height()
    await page.click('#back')
    await page.click('.chat >> text=Operations')
    expect(await height()).to.equal(before)
  })

  it('shows the answer to a press as a toast or an alert', async () => {
    await say(owner, 'Restart?', {
      reply_markup: { inline_keyboard: [[{ text: 'Yes', callback_data: 'yes' }]] },
    })
    const answer = async (said: object) => {
      const pressed = once(api, 'press') as Promise<[Press]>
      await page.click('.key >> text=Yes')
      const [press] = await pressed
      await page.waitForSelector('.key.busy')
      const query = { callback_query_id: press.id, ...said }
      await fetch(`${api.url}/bot${api.token}/answerCallbackQuery`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(query),
      })
      await page.waitForSelector('.key.busy', { state: 'detached' })
    }
    await answer({ text: 'Restarted' })
    expect(await page.textContent('.toast')).to.equal('Restarted')
    await answer({ text: 'You may not', show_alert: true })
    expect(await page.textContent('dialog[open] p')).to.equal('You may not')
  })

  it('offers the commands on "/" by keyboard, for this bot in groups', async () => {
    api.world.commands.set(
      ['status', 'help'].map((command) => ({ command, description: command })),
      undefined,
      '',
    )
    api.emit('commands')
    await page.click('.chat >> text=Operations')
    await page.fill('#input', '/')
    await page.waitForSelector('#commands li')
    const sent = api.next('message')
    await page.press('#input', 'ArrowDown')
    await page.press('#input', 'Enter')
    const message = await sent
    expect([message.text, message.chatId]).to.deep.equal(['/help@opsgram_bot', group])
  })

  it('counts what others have not read yet', async () => {
    await say(stranger, 'one')
    await say(stranger, 'two')
    await page.waitForSelector('[aria-label="Sam Stranger, stranger, 2 unread"]')
    await page.click('[aria-label^="Sam Stranger"]')
    await page.waitForSelector('.person[aria-current] .badge', { state: 'detached' })
    expect(await page.locator('.log .in').count()).to.equal(2)
  })

  it('shows where a reload failed until it is put right', async () => {
    const plugin = { type: 'reload', change: 'reload', plugin: 'worklog' } as const
    events.emit('notice', {
      ...plugin,
      ok: false,
      code: 'OPS_INTERNAL',
      message: 'Expected ";"',
      frame: '  1 │ const a = 1\n> 2 │ const b 2',
    })
    expect(await page.textContent('.banner.bad .marked')).to.contain('const b 2')
    events.emit('notice', { ...plugin, ok: true, generation: 3, ms: 21 })
    await page.waitForSelector('.banner.bad', { state: 'detached' })
    expect(await page.textContent('.banner.good')).to.contain('reloadedgeneration 3')
    events.emit('notice', { ...plugin, change: 'unload', ok: true, generation: 4, ms: 1 })
    await page.waitForSelector('.banner.good:has-text("worklog removed")')
  })

  it('tells what concerns the program as a whole, until it is put right', async () => {
    const types = { type: 'work', topic: 'types' } as const
    const frame = '> 2 | const b: string = 2\n    |       ^'
    events.emit('notice', { ...types, ok: false, title: '1 type error', frame })
    expect(await page.textContent('.banner.bad')).to.contain('1 type error')
    expect(await page.textContent('.banner.bad .marked')).to.contain('const b')
    events.emit('notice', { ...types, ok: true, title: 'The types are right' })
    await page.waitForSelector('.banner.bad', { state: 'detached' })
    await page.waitForSelector('.banner.good:has-text("The types are right")')
  })
})
