import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { failure, Workshop } from './folders.ts'

describe('plugin code', () => {
  let shop: Workshop
  beforeEach(() => {
    shop = new Workshop()
  })
  afterEach(() => shop.remove())

  const load = async (files: Record<string, string>) => {
    shop.write(files)
    return (await shop.load()).exports
  }

  it('shares the host’s modules, whichever generation asks', async () => {
    const files = { 'plugins/p/index.ts': "import { z } from 'zod'\nexport { z }" }
    const first = await load(files)
    const second = await load(files)
    const { z } = await import('zod')
    expect(first.z).to.equal(z)
    expect(second.z).to.equal(z)
  })

  it('evaluates a changed file two imports deep, and keeps no module state', async () => {
    shop.write({
      'plugins/p/index.ts': "export { word, list } from './a.ts'",
      'plugins/p/a.ts': "export { word } from './deep/b.ts'\nexport const list: number[] = []",
      'plugins/p/deep/b.ts': "export const word: string = 'one'",
    })
    const first = (await shop.load()).exports
    shop.write({ 'plugins/p/deep/b.ts': "export const word: string = 'two'" })
    const second = (await shop.load()).exports
    expect([first.word, second.word]).to.deep.equal(['one', 'two'])
    expect(second.list).not.to.equal(first.list)
  })

  it('compiles enums, parameter properties, decorators, JSON, text and top-level await', async () => {
    const exports = await load({
      'plugins/p/index.ts': `
        import en from './l.json' with { type: 'json' }
        import sql from './q.sql'
        enum E { A = 3, B }
        function tag(v: any, _c: unknown) { return function (this: any) { return 'd' + v.call(this) } }
        class C { constructor(public n: number) {} @tag m() { return this.n } }
        export const seen = [E.B, new C(5).m(), en.hello, sql, await Promise.resolve(9), C.name]`,
      'plugins/p/l.json': '{"hello":"hi"}',
      'plugins/p/q.sql': 'select 1',
    })
    expect(exports.seen).to.deep.equal([4, 'd5', 'hi', 'select 1', 9, 'C'])
  })

  it('lets files import each other in a circle', async () => {
    const exports = await load({
      'plugins/p/index.ts':
        "import { even } from './even.ts'\nexport const answer = [even(4), even(5)]",
      'plugins/p/even.ts':
        "import { odd } from './odd.ts'\nexport const even = (n: number): boolean => n === 0 || odd(n - 1)",
      'plugins/p/odd.ts':
        "import { even } from './even.ts'\nexport const odd = (n: number): boolean => n !== 0 && even(n - 1)",
    })
    expect(exports.answer).to.deep.equal([true, false])
  })

  it('gives each file its own import.meta', async () => {
    const exports = await load({
      'plugins/p/index.ts':
        "import { below } from './deep/b.js'\nexport const here = import.meta\nexport { below }",
      'plugins/p/deep/b.ts':
        'const $meta$ = 1\nexport const below = [import.meta.dirname, import.meta.filename, import.meta.url, $meta$]',
    })
    const file = shop.path('plugins/p/deep/b.ts')
    expect(exports.below).to.deep.equal([shop.path('plugins/p/deep'), file, `file://${file}`, 1])
    expect(exports.here).to.include({ filename: shop.path('plugins/p/index.ts') })
  })

  it('keeps the old code of a late import() when the file has changed since', async () => {
    shop.write({
      'plugins/p/index.ts': "export const late = async () => (await import('./lazy.ts')).word",
      'plugins/p/lazy.ts': "export const word = 'old'",
    })
    const { late } = (await shop.load()).exports as { late: () => Promise<string> }
    shop.write({ 'plugins/p/lazy.ts': "export const word = 'new'" })
    await shop.load()
    expect(await late()).to.equal('old')
  })

  it('reads default, namespace, renamed and quoted imports, and star re-exports', async () => {
    const exports = await load({
      'plugins/p/index.ts': `
        import path, { join as j } from 'node:path'
        import * as all from 'node:path'
        import fs from 'fs'
        import 'node:os'
        export * from 'node:util'
        export const seen = [path.join === j, all.default === path, typeof fs.statSync]`,
    })
    expect(exports.seen).to.deep.equal([true, true, 'function'])
    expect(exports.inspect).to.be.a('function')
  })

  it('finds packages from the plugin’s folder upwards, as ES modules, and never reloads them', async () => {
    const manifest =
      '{"name":"NAME","type":"module","exports":{"import":"./esm.js","require":"./cjs.cjs"}}'
    shop.write({
      'plugins/p/index.ts': `
        import { kind, state } from 'near'
        import { kind as far } from 'far'
        import data from 'near-data/data.json' with { type: 'json' }
        export const late = async () => (await import('near')).state
        export const seen = [kind, far, data.n]
        export { state }`,
      'plugins/p/node_modules/near/package.json': manifest.replace('NAME', 'near'),
      'plugins/p/node_modules/near/esm.js':
        "export const kind = 'near esm'\nexport const state = {}",
      'plugins/p/node_modules/near/cjs.cjs': "exports.kind = 'cjs'",
      'plugins/p/node_modules/near-data/package.json': '{"name":"near-data"}',
      'plugins/p/node_modules/near-data/data.json': '{"n":7}',
      'node_modules/far/package.json': manifest.replace('NAME', 'far'),
      'node_modules/far/esm.js': "export const kind = 'far esm'",
    })
    const first = (await shop.load()).exports as {
      seen: unknown
      state: object
      late(): Promise<object>
    }
    const second = (await shop.load()).exports
    expect(first.seen).to.deep.equal(['near esm', 'far esm', 7])
    expect(second.state).to.equal(first.state)
    expect(await first.late()).to.equal(first.state)
  })

  it('names a missing export of a shared module, where it is imported, and what was meant', async () => {
    shop.write({
      'plugins/p/index.ts':
        "import { z } from 'zod'\n\nimport { zodd, object } from 'zod'\nexport default [z, zodd, object]",
    })
    const error = await failure(shop.load())
    expect(error.code).to.equal('OPS_PLUGIN_EXPORT_MISSING')
    expect(error.message).to.equal('plugins/p/index.ts:3:1: "zod" has no export "zodd"')
    expect(error.details).to.include({
      plugin: 'p',
      file: shop.path('plugins/p/index.ts'),
      line: 3,
    })
  })

  it('suggests the name that was probably meant', async () => {
    shop.write({ 'plugins/p/index.ts': "import { objekt } from 'zod'\nexport default objekt" })
    expect((await failure(shop.load())).hint).to.match(/Did you mean "object"\?/)
  })

  it('says which file and line threw while it was loaded', async () => {
    shop.write({
      'plugins/p/index.ts': "import './deep.ts'",
      'plugins/p/deep.ts':
        "interface A {\n  a: 1\n}\nconst v: number = 1\nthrow new Error('at load ' + v)\n",
    })
    const error = await failure(shop.load())
    expect(error.code).to.equal('OPS_PLUGIN_LOAD')
    expect(error.message).to.equal('plugins/p/deep.ts:5:7: at load 1')
    expect(error.details).to.include({ file: shop.path('plugins/p/deep.ts'), line: 5, column: 7 })
    expect(error.details.frame).to.match(/> 5 \| throw new Error/)
    expect(error.cause).to.be.an('error').with.property('message', 'at load 1')
  })

  it('bounds top-level await', async () => {
    shop.write({ 'plugins/p/index.ts': 'await new Promise(() => {})' })
    const error = await failure(shop.evaluate(await shop.build(), 30))
    expect(error.code).to.equal('OPS_PLUGIN_LOAD_TIMEOUT')
    expect(error.message).to.contain('"p"').and.to.contain('30 ms')
  })

  it('refuses import() of a computed name, which could never be replaced', async () => {
    const exports = await load({
      'plugins/p/index.ts': 'export const late = (name: string) => import(name)',
    })
    const late = exports.late as (name: string) => Promise<unknown>
    expect((await failure(late('./other.ts'))).code).to.equal('OPS_PLUGIN_IMPORT_MISSING')
    expect(await late('zod')).to.equal(await import('zod'))
  })

  it('hands out migration classes in order of name, with the hash of their text', async () => {
    shop.write({
      'plugins/p/index.ts': "export { shared } from './shared.ts'",
      'plugins/p/shared.ts': 'export const shared = {}',
      'plugins/p/migrations/0002_b.ts': 'export default class B { up() {} }',
      'plugins/p/migrations/0001_a.ts':
        "import { shared } from '../shared.ts'\nexport default class A { static shared = shared; up() {} }",
      'plugins/p/migrations/0001_a.test.ts': 'throw new Error()',
    })
    const build = await shop.build()
    const { migrations, exports } = await shop.evaluate(build)
    expect(migrations.map((each) => [each.name, each.class.name])).to.deep.equal([
      ['0001_a', 'A'],
      ['0002_b', 'B'],
    ])
    expect(migrations[0]?.class).to.have.property('shared', exports.shared)
    shop.write({ 'plugins/p/migrations/0002_b.ts': 'export default class B { up() {} }\r\n' })
    const again = await shop.build()
    expect(again.migrations[0]?.hash).to.equal(build.migrations[0]?.hash)
    expect(again.migrations[1]?.hash).not.to.equal(build.migrations[1]?.hash)
  })

  it('refuses a migration that exports no class', async () => {
    shop.write({
      'plugins/p/index.ts': '',
      'plugins/p/migrations/0001_a.ts': 'export const up = 1',
    })
    const error = await failure(shop.load())
    expect(error.code).to.equal('OPS_PLUGIN_LOAD')
    expect(error.message).to.contain('0001_a')
  })

  it('keeps no name of the bundle’s wrapper from the plugin', async () => {
    const exports = await load({
      'plugins/p/index.ts':
        'const $done$ = 1, $link$ = 2, $load$ = 3\nimport { sep } from "node:path"\nexport default [$done$, $link$, $load$, sep]',
    })
    expect(exports.default).to.deep.equal([1, 2, 3, '/'])
  })

  it('lets V8 collect what was replaced, code and state', async function () {
    // the coverage of every script that ever ran is kept until the process ends
    if (process.env.NODE_V8_COVERAGE) this.skip()
    const { collect, heapUsed } = await import('../../../support/heap.ts')
    const text = readFileSync(new URL(import.meta.url), 'utf8')
    const save = (version: number) =>
      shop.write({
        'plugins/p/index.ts': `export const v = ${version}\nexport const big = () => [v, ${JSON.stringify(text)}]`,
      })
    save(0)
    const replaced = new WeakRef((await shop.load()).exports)
    const reload = async (version: number) => {
      save(version)
      ;(await shop.load()).release()
    }
    for (let version = 1; version <= 50; version++) await reload(version)
    await sleep(1)
    const before = await heapUsed()
    for (let version = 51; version <= 150; version++) await reload(version)
    const after = await heapUsed()
    await collect()
    expect(replaced.deref()).to.equal(undefined)
    expect((after - before) / 100, 'bytes kept for each reload').to.be.below(2048)
  })
})
