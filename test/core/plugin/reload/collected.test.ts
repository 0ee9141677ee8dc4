import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { createTestBot, type TestBot } from '../../../../core/testing/index.ts'
import { freshFolder } from '../../../support/folders.ts'
import { collect } from '../../../support/heap.ts'
import { until } from '../../../support/wait.ts'

const key = Symbol.for('opsgram.test.instances')

const source = (version: number) => `
import { EventEmitter } from 'node:events'
import { defineEntity, p } from '@mikro-orm/core'
import { definePlugin } from 'opsgram'
import { z } from 'zod'

const module = { version: ${version}, ballast: new Array(1_000).fill(${version}) }
globalThis[Symbol.for('opsgram.test.instances')].push(new WeakRef(module))
const bus = new EventEmitter()
const schema = defineEntity({ name: 'Kept', tableName: 'kept_things', properties: { id: p.integer().primary() } })
class Kept extends schema.class { version() { return module.version } }
schema.setClass(Kept)

export default definePlugin({
  name: 'kept',
  version: '1.0.${version}',
  entities: [Kept],
  setup(scope) {
    const carried = scope.carry(z.object({ runs: z.number() }), 1, () => ({ runs: 0 }))
    scope.interval(20, () => module.version)
    scope.timeout(60_000, () => module.version)
    scope.listen(bus, 'rung', () => module.version)
    scope.onDispose(() => module.version)
    return { module, carried }
  },
  middleware: ({ middleware }) => [
    middleware({ phase: 'context', run: (_ctx, next) => (module.version, next()) }),
  ],
  commands: ({ command }) => ({
    kept: command({ description: 'x', run: (ctx) => 'v' + ctx.plugin.module.version }),
  }),
})
`

const things = `
import { Migration } from '@mikro-orm/migrations'
export default class extends Migration {
  override up() { this.addSql('create table kept_things (id int primary key)') }
}
`
/** Lives all the while, and works with the database by a timer. */
const neighbour = `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'neighbour',
  version: '1.0.0',
  setup(scope) {
    scope.interval(60_000, () => scope.em())
  },
})
`

describe('versions that were replaced', function () {
  this.timeout(60_000)
  let bot: TestBot

  before(async () => {
    Reflect.set(globalThis, key, [])
    const folder = freshFolder()
    const files = {
      'kept/index.ts': source(0),
      'kept/migrations/0001_things.ts': things,
      'neighbour/index.ts': neighbour,
    }
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(file)), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    bot = await createTestBot({ copies: [join(folder, 'kept'), join(folder, 'neighbour')] })
  })
  after(async () => {
    await bot.stop()
    Reflect.deleteProperty(globalThis, key)
  })

  const alive = () => {
    const instances = Reflect.get(globalThis, key) as WeakRef<{ version: number }>[]
    return instances.flatMap((ref) => ref.deref()?.version ?? [])
  }

  it('are out of reach within a second of the commit: one is left of each plugin', async () => {
    for (let version = 1; version <= 8; version++) {
      await bot.edit('kept', { 'index.ts': source(version) })
      await bot.owner.sends('/kept')
      await bot.owner.sees(`v${version}`)
    }
    await until(
      'only the last is reachable',
      async () => {
        await collect()
        return alive().length === 1
      },
      1_000,
    ).catch(() => undefined)
    expect(alive()).to.deep.equal([8])
  })
})
