import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

const shelf = (options: { requires?: string; answer?: string; reload?: string } = {}) => ({
  'index.ts': `import { AuditEntry, definePlugin, HttpError } from 'opsgram'
import { z } from 'zod'

export const entry = z.object({ id: z.string(), n: z.number() })

export default definePlugin({
  name: 'shelf',
  version: '1.0.0',
  ${options.requires ?? ''}
  permissions: { 'shelf.write': { description: 'Add', roles: ['operator'] } },
  routes: (http) => {
    http.get('/', { description: 'All of it' }, () => ({ answer: '${options.answer ?? 'one'}' }))
    http.get(
      '/entries/:id',
      {
        description: 'One entry',
        schema: { params: z.object({ id: z.string().max(5) }), query: z.object({ n: z.coerce.number().default(1) }), response: entry },
      },
      (ctx, { params, query }) => {
        if (params.id === 'none') throw new HttpError(404, 'SHELF_UNKNOWN', 'There is no such entry')
        if (params.id === 'odd') return { id: 7 }
        return { id: params.id, n: query.n, secret: 'not in the schema' }
      },
    )
    http.post(
      '/entries',
      { description: 'Add one', permission: 'shelf.write', status: 201, schema: { body: z.object({ text: z.string() }) } },
      async (ctx, { body }) => {
        ctx.em.create(AuditEntry, { plugin: 'shelf', action: body.text, outcome: 'done', actorId: ctx.actor.telegramId })
        if (body.text === 'fails') throw new Error('a secret of the plugin')
        ctx.notify(ctx.actor.telegramId, 'added ' + body.text)
        return { by: ctx.actor.role }
      },
    )
    http.get('/slow', { description: 'Hangs', deadlineMs: 5_000 }, (ctx) => {
      ctx.log.info('shelf.slow')
      return new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
    })
    http.get('/gate', { description: 'Waits' }, async (ctx) => {
      ctx.log.info('shelf.gate')
      await new Promise((resolve) => { globalThis.openShelf = () => resolve(undefined) })
      return { answer: '${options.answer ?? 'one'}' }
    })
  },
})
`,
})

describe('routes', () => {
  let bot: TestBot
  let operator: TestPerson
  let guest: TestPerson

  before(async () => {
    bot = await createTestBot({ now: '2026-03-02T08:00:00Z' })
    await bot.dropPlugin('shelf', shelf())
    operator = bot.user({ role: 'operator' })
    guest = bot.user({ role: 'guest' })
  })
  after(() => bot?.stop())

  const ask = async (path: string, authorization?: string, init: RequestInit = {}) => {
    const headers = { ...(authorization !== undefined && { authorization }), ...init.headers }
    const response = await fetch(`${bot.url}${path}`, { ...init, headers })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }
  const codeIn = (body: unknown) => Reflect.get(Object(Reflect.get(Object(body), 'error')), 'code')

  it('answer with the rights of whose token it is, and write in one transaction', async () => {
    const made = await bot.api(operator).post('/api/v1/shelf/entries', { text: 'a disk' })
    expect(made.status).to.equal(201)
    expect(made.body).to.deep.equal({ by: 'operator' })
    await operator.sees('added a disk')
    const rows = await bot.database.query<{ actor_id: string }>(
      "select actor_id from audit_log where action = 'a disk'",
    )
    expect(rows.map((row) => Number(row.actor_id))).to.deep.equal([operator.id])
  })

  it('refuse whoever lacks the permission, and put it on record', async () => {
    const answer = await bot.api(guest).post('/api/v1/shelf/entries', { text: 'no' })
    expect(answer.status).to.equal(403)
    expect(codeIn(answer.body)).to.equal('OPS_ROUTE_FORBIDDEN')
    const rows = await bot.database.query(
      "select 1 from audit_log where action = 'api.POST /entries' and outcome = 'refused' and actor_id = $1",
      [guest.id],
    )
    expect(rows).to.have.length(1)
    expect(await bot.database.query("select 1 from audit_log where action = 'no'")).to.have.length(
      0,
    )
  })

  it('parse what comes and make the answer fit', async () => {
    const api = bot.api(guest)
    expect((await api.get('/api/v1/shelf')).body).to.deep.equal({ answer: 'one' })
    const one = await api.get('/api/v1/shelf/entries/a1?n=3')
    expect(one.body).to.deep.equal({ id: 'a1', n: 3 })
    for (const [path, status, code] of [
      ['/api/v1/shelf/entries/far-too-long', 400, 'OPS_ROUTE_REQUEST'],
      ['/api/v1/shelf/entries/a?n=x', 400, 'OPS_ROUTE_REQUEST'],
      ['/api/v1/shelf/entries/none', 404, 'SHELF_UNKNOWN'],
      ['/api/v1/shelf/entries/odd', 500, 'OPS_INTERNAL'],
      ['/api/v1/shelf/nothing', 404, 'OPS_ROUTE_UNKNOWN'],
      ['/api/v1/nobody/nothing', 404, 'OPS_ROUTE_UNKNOWN'],
    ] as const) {
      const answer = await api.get(path)
      expect([path, answer.status, codeIn(answer.body)]).to.deep.equal([path, status, code])
    }
  })

  it('tell nothing of an error but its id, and write nothing', async () => {
    const answer = await bot.api(operator).post('/api/v1/shelf/entries', { text: 'fails' })
    expect(answer.status).to.equal(500)
    expect(JSON.stringify(answer.body))
      .to.match(/E-[A-Z0-9]{5}/)
      .and.not.contain('secret of')
    expect(
      await bot.database.query("select 1 from audit_log where action = 'fails'"),
    ).to.have.length(0)
  })

  it('limit the size of a body, and take JSON alone', async () => {
    const big = await bot
      .api(operator)
      .post('/api/v1/shelf/entries', { text: 'x'.repeat(1_100_000) })
    expect(big.status).to.equal(413)
    const made = await bot.api(operator).post('/api/v1/shelf/entries', { text: 7 })
    expect(made.status).to.equal(400)
  })

  it('end what takes too long', async () => {
    const slow = bot.api(guest).get('/api/v1/shelf/slow')
    await bot.logged('shelf.slow')
    const moved = bot.clock.advance(5_000)
    const answer = await slow
    await moved
    expect(answer.status).to.equal(504)
    expect(codeIn(answer.body)).to.equal('OPS_DEADLINE')
  })

  it('end on the version that was live when the request began', async () => {
    const waiting = bot.api(guest).get('/api/v1/shelf/gate')
    await bot.logged('shelf.gate')
    await bot.edit('shelf', shelf({ answer: 'two' }))
    expect((await bot.api(guest).get('/api/v1/shelf')).body).to.deep.equal({ answer: 'two' })
    expect(bot.log.filter(({ event }) => event === 'plugin.drained')).to.have.length(0)
    Reflect.get(globalThis, 'openShelf')()
    expect((await waiting).body).to.deep.equal({ answer: 'one' })
    await bot.logged('plugin.drained', { plugin: 'shelf' })
  })

  it('end before the bot stops, which takes no more of them', async () => {
    const waiting = bot.api(guest).get('/api/v1/shelf/gate')
    await bot.logged('shelf.gate')
    const { url } = bot
    const restarted = bot.restart()
    await bot.logged('app.stopping')
    const late = await fetch(`${url}/api/v1/shelf`)
    Reflect.get(globalThis, 'openShelf')()
    expect([late.status, codeIn(await late.json())]).to.deep.equal([503, 'OPS_ROUTE_BUSY'])
    expect(late.headers.get('retry-after')).to.equal('1')
    expect((await waiting).body).to.deep.equal({ answer: 'two' })
    await restarted
  })

  it('are described to whoever may use them', async () => {
    const pathsOf = async (person: TestPerson) =>
      Reflect.get(Object((await bot.api(person).get('/api/v1/openapi.json')).body), 'paths')
    expect(await pathsOf(guest)).to.have.keys([
      '/api/v1/shelf',
      '/api/v1/shelf/entries/{id}',
      '/api/v1/shelf/slow',
      '/api/v1/shelf/gate',
    ])
    const ofOperator = await pathsOf(operator)
    expect(ofOperator).to.include.keys(['/api/v1/shelf/entries'])
    expect(ofOperator['/api/v1/shelf/entries/{id}'].get.parameters).to.deep.equal([
      { name: 'id', in: 'path', required: true, schema: { type: 'string', maxLength: 5 } },
      { name: 'n', in: 'query', required: false, schema: { type: 'number', default: 1 } },
    ])
    expect((await ask('/api/v1/openapi.json')).status).to.equal(401)
  })

  it('are away with a reason while their plugin waits', async () => {
    const base = {
      'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({ name: 'base', version: '1.0.0' })`,
    }
    await bot.dropPlugin('base', base)
    await bot.edit('shelf', shelf({ requires: "requires: ['base']," }))
    await bot.removePlugin('base')
    const answer = await bot.api(guest).get('/api/v1/shelf')
    expect(answer.status).to.equal(404)
    expect(codeIn(answer.body)).to.equal('OPS_ROUTE_AWAY')
    await bot.edit('shelf', shelf())
    expect((await bot.api(guest).get('/api/v1/shelf')).status).to.equal(200)
  })

  describe('tokens', () => {
    const tokenIn = async () => {
      const { text } = await bot.owner.sees(/ops_[0-9a-f]{10}_/)
      return /ops_[\w-]+/.exec(text)?.[0] ?? ''
    }

    it('are made in chat, work until they are taken away, and are stored hashed', async () => {
      await bot.owner.sends('/token new grafana 7')
      const token = await tokenIn()
      expect((await ask('/api/v1/shelf', `Bearer ${token}`)).status).to.equal(200)
      const entries = (body: string, type = 'application/json') =>
        ask('/api/v1/shelf/entries', `Bearer ${token}`, {
          method: 'POST',
          headers: { 'content-type': type },
          body,
        })
      expect((await entries('{"text":')).status).to.equal(400)
      expect((await entries('{"__proto__":{"text":"x"}}')).status).to.equal(400)
      expect((await entries('text=x', 'application/x-www-form-urlencoded')).status).to.equal(415)
      const secret = token.slice(15)
      for (const table of ['api_tokens', 'audit_log', 'outbox']) {
        const found = await bot.database.query(
          `select 1 from ${table} as row where row::text like '%' || $1 || '%'`,
          [secret],
        )
        expect(found, table).to.have.length(0)
      }
      await bot.owner.sends('/token list')
      await bot.owner.sees(/grafana.*until.*last used/s)
      await bot.owner.sends('/token new grafana')
      await bot.owner.sees('already')
      await bot.owner.sends('/token revoke grafana')
      await bot.owner.sees('taken away')
      expect((await ask('/api/v1/shelf', `Bearer ${token}`)).status).to.equal(401)
      const rows = await bot.database.query<{ action: string }>(
        "select action from audit_log where action like 'tokens.%' order by id",
      )
      expect(rows.map(({ action }) => action)).to.deep.equal(['tokens.new', 'tokens.revoke'])
    })

    it('end by themselves', async () => {
      await bot.owner.sends('/token new short 1')
      const token = await tokenIn()
      await bot.database.query(
        "update api_tokens set expires_at = '2026-03-02T07:59:59Z' where name = 'short'",
      )
      const answer = await ask('/api/v1/shelf', `Bearer ${token}`)
      expect(answer.status).to.equal(401)
      expect(answer.headers.get('www-authenticate')).to.contain('Bearer')
    })

    it('are worth what their person may at that moment', async () => {
      const person = bot.user({ role: 'operator' })
      const add = () => bot.api(person).post('/api/v1/shelf/entries', { text: 'moment' })
      expect((await add()).status).to.equal(201)
      await bot.owner.sends(`/users role ${person.id} guest`)
      await bot.owner.sees('is guest now')
      expect((await add()).status).to.equal(403)
      await bot.owner.sends(`/users block ${person.id}`)
      await bot.owner.sees('is blocked')
      expect((await add()).status).to.equal(401)
    })

    it('that are wrong are counted, and soon not even looked at', async () => {
      const wrong = `Bearer ops_0123456789_${'a'.repeat(43)}`
      const answers: number[] = []
      for (let i = 0; i < 25; i++) answers.push((await ask('/api/v1/shelf', wrong)).status)
      expect(answers[0]).to.equal(401)
      expect(answers.at(-1)).to.equal(429)
      const { count } = (
        await bot.database.query<{ count: string }>(
          "select count(*) as count from audit_log where reason = 'token'",
        )
      )[0] ?? { count: '0' }
      expect(Number(count)).to.be.within(1, 12)
    })
  })
})
