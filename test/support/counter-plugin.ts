/** A plugin whose command writes one row and answers: what happened twice or never can be counted. */
const counter = `
import { defineEntity, p } from '@mikro-orm/core'
import { definePlugin, ulid } from 'opsgram'
import { z } from 'zod'

const schema = defineEntity({
  name: 'Tick',
  tableName: 'counter_ticks',
  properties: { id: p.string().primary(), number: p.integer() },
})
class Tick extends schema.class {}
schema.setClass(Tick)

export default definePlugin({
  name: 'counter',
  version: '1.0.0',
  entities: [Tick],
  commands: ({ command }) => ({
    tick: command({
      description: 'Counts',
      args: z.object({ number: z.number(), ms: z.number().default(0) }),
      async run(ctx, { number, ms }) {
        await new Promise((resolve) => setTimeout(resolve, ms))
        ctx.em.create(Tick, { id: ulid(), number })
        return 'tick ' + number
      },
    }),
    ticks: command({
      description: 'Tells what was counted',
      async run(ctx) {
        const ticks = await ctx.em.find(Tick, {}, { orderBy: { id: 'asc' } })
        return 'ticks ' + ticks.map(({ number }) => number).join(' ')
      },
    }),
    fail: command({
      description: 'Fails',
      run() {
        throw new Error('on purpose')
      },
    }),
  }),
})
`
const migration = `
import { Migration } from '@mikro-orm/migrations'
export default class Ticks extends Migration {
  override up() {
    this.addSql('create table counter_ticks (id varchar(26) primary key, number int not null)')
  }
}
`
export const counterPlugin = {
  'counter/index.ts': counter,
  'counter/migrations/0001_ticks.ts': migration,
}
