import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

const plugin = ({
  version = 1,
  more = '',
  state = 'sort: z.enum(["name", "size"]).default("name"), seen: z.number().default(0)',
} = {}) => `
import { buttons, definePlugin, message } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'files',
  version: '1.0.0',
  session: { version: ${version}, withinS: 3600, state: z.object({ ${state} }), ${more} },
  actions: ({ action }) => ({
    flip: action({
      label: 'Flip',
      async run(ctx) {
        const { sort } = await ctx.session.get()
        await ctx.session.set({ sort: sort === 'name' ? 'size' : 'name' })
        return 'by ' + (await ctx.session.get()).sort
      },
    }),
  }),
  commands: ({ command }) => ({
    files: command({
      description: 'Files',
      async run(ctx) {
        const { seen } = await ctx.session.get()
        await ctx.session.set({ seen: seen + 1 })
        return message(JSON.stringify(await ctx.session.get()), buttons(ctx.button('flip')))
      },
    }),
    fail: command({ description: 'Fail', async run(ctx) { await ctx.session.set({ seen: 99 }); throw new Error('no') } }),
    wrong: command({ description: 'Wrong', run: (ctx) => ctx.session.set({ sort: 'colour' as never }) }),
    early: command({
      description: 'Early',
      async run(ctx) { await ctx.commit(); await ctx.session.set({ seen: 5 }) },
    }),
    clear: command({ description: 'Clear', async run(ctx) { await ctx.session.clear(); return JSON.stringify(await ctx.session.get()) } }),
    both: command({
      description: 'Both',
      async run(ctx) {
        const seen = (await ctx.session.get()).seen
        await ctx.em.getConnection().execute("update session_states set revision = 'other' where plugin = 'files' and state->>'seen' = '7'")
        await ctx.session.set({ seen: seen === 7 ? 70 : seen })
        return 'both'
      },
    }),
  }),
})
`

describe('ctx.session', () => {
  let bot: TestBot
  let anna: TestPerson
  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('files', { 'index.ts': plugin() })
  })
  beforeEach(() => {
    anna = bot.user({ role: 'operator', firstName: 'Anna' })
  })
  after(() => bot?.stop())

  const asked = async (
    person: Pick<TestPerson, 'sends' | 'sees'>,
    said: string,
    answer: RegExp | string,
  ) => {
    await person.sends(said)
    await person.sees(answer)
  }
  const rows = async (): Promise<unknown[]> => {
    await bot.settled()
    return bot.database.query('select state from session_states where user_id = $1', [anna.id])
  }

  it('remembers of a person in a chat what the handler set, and begins with the defaults', async () => {
    await asked(anna, '/files', '{"sort":"name","seen":1}')
    await asked(anna, '/files', '{"sort":"name","seen":2}')
    await anna.presses('Flip')
    await anna.sees('by size')
    await asked(anna, '/files', '{"sort":"size","seen":3}')
    // neither another person's nor another chat's
    await asked(bot.user({ role: 'operator' }), '/files', '"seen":1')
    const group = bot.group({ members: [anna] })
    await asked(anna.in(group), '/files', '"seen":1')
    await asked(anna, '/clear', '{"sort":"name","seen":0}')
    await asked(anna, '/files', '{"sort":"name","seen":1}')
  })

  it('is written with the commit, and not when the handler fails or gives what does not fit', async () => {
    await asked(anna, '/files', '"seen":1')
    await asked(anna, '/fail', /on record/)
    await asked(anna, '/wrong', /on record/)
    await asked(anna, '/early', /on record/)
    await asked(anna, '/files', '"seen":2')
    const codes = bot.log.map(({ fields }) => (fields.error as { code?: string } | undefined)?.code)
    expect(codes).to.include.members(['OPS_SESSION', 'OPS_COMMITTED'])
  })

  it('is over when its time is', async () => {
    await asked(anna, '/files', '"seen":1')
    await bot.clock.advance(3_599_000)
    await asked(anna, '/files', '"seen":2')
    await bot.clock.advance(3_601_000)
    await asked(anna, '/files', '"seen":1')
    expect(await rows()).to.have.length(1)
  })

  it('survives a restart and a reload; as another version only if that takes what is kept', async () => {
    await asked(anna, '/files', '"seen":1')
    await bot.restart()
    await asked(anna, '/files', '"seen":2')
    await bot.edit('files', {
      'index.ts': plugin({
        version: 2,
        more: 'migrate: (state) => ({ ...state, seen: Number(state.seen) * 100 })',
      }),
    })
    await asked(anna, '/files', '"seen":201')
    await bot.edit('files', { 'index.ts': plugin({ version: 3 }) })
    await asked(anna, '/files', '"seen":1')
    await bot.edit('files', { 'index.ts': plugin() })
    await asked(anna, '/files', '"seen":2')
  })

  it('T20: what two updates at once make of it is counted both times', async () => {
    await Promise.all([1, 2, 3, 4].map(() => anna.sends('/files')))
    for (const seen of [1, 2, 3, 4]) await anna.sees(`"seen":${seen}`)
    expect(await rows()).to.deep.equal([{ state: { seen: 4 } }])
  })

  it('T21: one that can’t be read fails that update alone: the next one reads it', async () => {
    await asked(anna, '/files', '"seen":1')
    await bot.settled()
    await bot.database.query('alter table session_states rename to session_states_away')
    await asked(anna, '/files', /on record/)
    await bot.settled()
    await bot.database.query('alter table session_states_away rename to session_states')
    await asked(anna, '/files', '"seen":2')
  })

  it('T22: that somebody else has changed meanwhile is read anew: the update runs again', async () => {
    for (let seen = 1; seen <= 7; seen++) await asked(anna, '/files', `"seen":${seen}`)
    await asked(anna, '/both', 'both')
    expect(bot.log.some(({ event }) => event === 'update.repeated')).to.equal(true)
    expect(await rows()).to.deep.equal([{ state: { seen: 70 } }])
  })

  it('has to be able to begin', async () => {
    const error = await bot
      .edit('files', {
        'index.ts': plugin({ state: 'sort: z.string(), seen: z.number().default(0)' }),
      })
      .then(() => undefined)
      .catch((failure: unknown) => failure)
    expect(error).to.include({ code: 'OPS_PLUGIN_MANIFEST' })
    expect(String(error)).to.contain('session')
  })
})
