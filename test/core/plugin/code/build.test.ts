import { execFile } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { hashPlugin } from '../../../../core/plugin/code/folder.ts'
import { failure, Workshop } from './folders.ts'

describe('building a plugin', () => {
  let shop: Workshop
  beforeEach(() => {
    shop = new Workshop()
  })
  afterEach(() => shop.remove())

  const refusal = async (files: Record<string, string>, roots = [shop.root]) => {
    shop.write(files)
    return failure(shop.build('p', roots))
  }

  it('names file, line and column of a syntax error, counted in the saved source', async () => {
    const error = await refusal({
      'plugins/p/index.ts': "import './deep/b.ts'",
      'plugins/p/deep/b.ts':
        "const a = 1\nconst b = 2\n\nconst я = 'ы', word: string = = 3\nconst c = 4\n",
    })
    expect(error.code).to.equal('OPS_PLUGIN_BUILD')
    expect(error.message).to.match(/^plugins\/p\/deep\/b\.ts:4:31: Unexpected "="/)
    expect(error.details).to.deep.include({
      plugin: 'p',
      file: shop.path('plugins/p/deep/b.ts'),
      line: 4,
      column: 31,
      frame: [
        '  1 | const a = 1',
        '  2 | const b = 2',
        '  3 |',
        "> 4 | const я = 'ы', word: string = = 3",
        '    |                               ^',
        '  5 | const c = 4',
        '  6 |',
      ].join('\n'),
    })
    expect(error.details.problems).to.have.length(1)
  })

  it('names a file that is not there and an export that a file does not have', async () => {
    const absent = await refusal({ 'plugins/p/index.ts': "\nimport './nope.ts'" })
    expect(absent.code).to.equal('OPS_PLUGIN_BUILD')
    expect(absent.message).to.match(/^plugins\/p\/index\.ts:2:8: Could not resolve/)
    const unknown = await refusal({
      'plugins/p/index.ts': "import { b } from './a.ts'\nexport default b",
      'plugins/p/a.ts': 'export const a = 1',
    })
    expect(unknown.message).to.match(/^plugins\/p\/index\.ts:1:10: No matching export/)
  })

  it('says so when the folder has no index.ts', async () => {
    const error = await refusal({ 'plugins/p/other.ts': '' })
    expect(error.code).to.equal('OPS_PLUGIN_EMPTY')
    expect(error.message).to.contain('"p"')
  })

  it('gives a coded error for what can’t be read', async () => {
    shop.write({ 'plugins/p/index.ts': '', 'plugins/p/locales/en.json/x': '' })
    expect((await failure(shop.build())).code).to.equal('OPS_PLUGIN_BUILD')
  })

  it('refuses a file of the core by path, and the core’s inside and test kit by name', async () => {
    const errors = path.resolve(import.meta.dirname, '../../../../core/errors.ts')
    const byPath = path.relative(shop.path('plugins/p'), errors)
    const error = await refusal({
      'plugins/p/index.ts': `// '${byPath}'\nimport { OpsError } from '${byPath}'\nexport default OpsError`,
    })
    expect(error.code).to.equal('OPS_PLUGIN_IMPORT_CORE')
    expect(error.details).to.include({ file: shop.path('plugins/p/index.ts'), line: 2, column: 27 })
    expect(error.hint).to.contain("'opsgram'")
    for (const name of ['opsgram/core/errors.ts', 'opsgram/testing']) {
      const named = await refusal({ 'plugins/p/index.ts': `\nimport '${name}'` })
      expect(named.code).to.equal('OPS_PLUGIN_IMPORT_CORE')
      expect(named.details).to.include({ line: 2, column: 8 })
    }
  })

  it('lets a plugin import only api.ts of another, in whichever root that lies', async () => {
    const roots = [shop.root, shop.path('more')]
    shop.write({
      'plugins/q/api.ts': "export const token = 'q'",
      'plugins/q/index.ts': '',
      'more/r/api.ts': "import { inner } from './inner.ts'\nexport const token = inner",
      'more/r/inner.ts': 'export const inner = 1',
      'plugins/p/index.ts': "export { token } from '../q/api.ts'",
    })
    const build = await shop.build('p', roots)
    expect([...build.inputs]).to.include(shop.path('plugins/q/api.ts'))

    const inside = await refusal({ 'plugins/p/index.ts': "import '../q/index.ts'" }, roots)
    expect(inside.code).to.equal('OPS_PLUGIN_IMPORT_FOREIGN')
    expect(inside.message).to.contain('"q"').and.to.contain('api.ts')

    const more = { 'plugins/p/index.ts': "import '../../more/r/api.ts'" }
    const through = await refusal(more, roots)
    expect(through.code).to.equal('OPS_PLUGIN_IMPORT_FOREIGN')
    expect(through.details).to.include({ file: shop.path('more/r/api.ts'), line: 1 })
  })

  it('refuses files that nobody watches', async () => {
    const error = await refusal({
      'elsewhere.ts': '',
      'plugins/p/index.ts': "import '../../elsewhere.ts'",
    })
    expect(error.code).to.equal('OPS_PLUGIN_IMPORT_OUTSIDE')
  })

  it('refuses the parts of Telegraf that the framework replaces', async () => {
    for (const statement of [
      "import { Composer, session } from 'telegraf'\nexport default [Composer, session]",
      "import { Scenes as s } from 'telegraf'\nexport default s",
      "import 'telegraf/session'",
    ]) {
      const error = await refusal({ 'plugins/p/index.ts': `\n${statement}` })
      expect(error.code, statement).to.equal('OPS_PLUGIN_IMPORT_TELEGRAF')
      expect(error.details.line).to.equal(2)
      expect(error.hint).to.contain('ctx.session')
    }
    shop.write({
      'plugins/p/index.ts': "import { Composer } from 'telegraf'\nexport default Composer",
    })
    expect((await shop.build()).shared.map((each) => each.specifier)).to.deep.equal(['telegraf'])
  })

  it('names a package that is not installed and how to get it', async () => {
    const error = await refusal({
      'plugins/p/index.ts': "\nimport x from '@a/nope/sub'\nexport default x",
    })
    expect(error.code).to.equal('OPS_PLUGIN_IMPORT_MISSING')
    expect(error.message).to.match(/^plugins\/p\/index\.ts:2:15: .*"@a\/nope\/sub"/)
    expect(error.hint).to.contain('npm install @a/nope"')
  })

  it('reads locales, and names the line of a broken one', async () => {
    shop.write({
      'plugins/p/index.ts': '',
      'plugins/p/locales/en.json': '\uFEFF{"a":"A","b":{"c":"C"}}',
      'plugins/p/locales/ru.json': '{"a":"А"}',
    })
    const { locales, inputs } = await shop.build()
    expect(locales).to.deep.equal({ en: { a: 'A', b: { c: 'C' } }, ru: { a: 'А' } })
    expect([...inputs]).to.include(shop.path('plugins/p/locales/ru.json'))

    const broken = await refusal({ 'plugins/p/locales/ru.json': '{\n  "a": "А",\n  "b": \n}' })
    expect(broken.code).to.equal('OPS_PLUGIN_LOCALE')
    expect(broken.details).to.include({ file: shop.path('plugins/p/locales/ru.json'), line: 4 })

    const wrong = await refusal({
      'plugins/p/locales/ru.json': '{\n  "a": "А",\n  "b": {\n    "c": 3\n  }\n}',
    })
    expect(wrong.code).to.equal('OPS_PLUGIN_LOCALE')
    expect(wrong.message).to.match(/^plugins\/p\/locales\/ru\.json:4:5: "b\.c"/)
  })

  it('has one hash while nothing changed, and another when any file it depends on has', async () => {
    shop.write({
      'plugins/_lib/x.ts': 'export const x = 1',
      'plugins/p/index.ts': "export { x } from '../_lib/x.ts'",
      'plugins/p/letter.html': '<p>',
    })
    await new Promise((resolve) => setTimeout(resolve, 15)) // past the tick of the file clock
    const build = await shop.build()
    const now = () => hashPlugin(build.dir, build.inputs)
    expect([...build.inputs]).to.deep.equal(
      ['plugins/_lib/x.ts', 'plugins/p/index.ts'].map((file) => shop.path(file)),
    )
    expect(await now()).to.equal(build.hash)
    expect((await shop.build()).hash).to.equal(build.hash)
    for (const file of ['plugins/_lib/x.ts', 'plugins/p/letter.html']) {
      const before = await now()
      shop.write({ [file]: 'export const x = 2' })
      expect(await now(), file).not.to.equal(before)
    }
  })

  it('builds a folder that is a link, with shared code from where it is seen and packages from where it lies', async () => {
    shop.write({
      'home/mine/index.ts':
        "export { x } from '../_lib/x.ts'\nexport { near } from 'near'\nexport const dir = import.meta.dirname",
      'home/node_modules/near/package.json': '{"name":"near","type":"module","main":"x.js"}',
      'home/node_modules/near/x.js': 'export const near = 2',
      'plugins/_lib/x.ts': 'export const x = 1',
    })
    symlinkSync(shop.path('home/mine'), shop.path('plugins/p'))
    const build = await shop.build()
    expect([...build.inputs]).to.include(shop.path('plugins/p/index.ts'))
    const { exports } = await shop.evaluate(build)
    expect(exports).to.include({ x: 1, near: 2, dir: shop.path('plugins/p') })
  })

  it('starts the compiler anew when it was killed, and lets the process end', async function () {
    if (process.platform !== 'linux') this.skip()
    shop.write({ 'plugins/p/index.ts': 'export default 1' })
    // a process of its own: the loader of these tests has a compiler, too
    const script = `
      import { readFileSync } from 'node:fs'
      import { buildPlugin } from '${new URL('../../../../core/plugin/code/build.ts', import.meta.url)}'
      const folder = ${JSON.stringify(shop.folder())}
      const build = () => buildPlugin(folder, { roots: [folder.root] })
      await build()
      const children = readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8')
      const [pid] = children.trim().split(' ').map(Number)
      if (!(pid > 1)) throw new Error('no compiler to kill')
      process.kill(pid, 'SIGKILL')
      await build()
      await Promise.all([build(), build()])
      console.log('built')`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { timeout: 8000 },
    )
    expect(stdout).to.equal('built\n')
  })
})
