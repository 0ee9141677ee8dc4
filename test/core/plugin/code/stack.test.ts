import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { init } from 'es-module-lexer'
import { transform } from 'esbuild'
import { linkBundle } from '../../../../core/plugin/code/link.ts'
import { SourcePositions } from '../../../../core/plugin/code/position.ts'
import { installStacks, PluginStacks } from '../../../../core/plugin/code/stack.ts'
import { failure, Workshop } from './folders.ts'

describe('stacks of plugin code', () => {
  let shop: Workshop
  let undo: () => void
  beforeEach(() => {
    shop = new Workshop()
    undo = installStacks(shop.stacks)
  })
  afterEach(() => {
    undo()
    shop.remove()
  })

  const throwing = {
    'plugins/p/index.ts': "export { fail, later } from './deep/b.ts'",
    'plugins/p/deep/b.ts': `interface Erased {
  a: 1
}
export function fail(): never {
  throw new TypeError('no')
}
export async function later(): Promise<void> {
  await null
  fail()
}
`,
  }
  type Throwing = { fail(): never; later(): Promise<void> }
  const loadThrowing = async () => {
    shop.write(throwing)
    const { exports, release } = await shop.load()
    return { ...(exports as Throwing), release }
  }
  const caught = (act: () => unknown): Error => {
    try {
      act()
    } catch (error) {
      if (error instanceof Error) return error
    }
    throw new Error('nothing was thrown')
  }

  it('show the saved source, and the core’s own frames as before', async () => {
    const { fail, later } = await loadThrowing()
    const lines = caught(fail).stack?.split('\n') ?? []
    expect(lines[0]).to.equal('TypeError: no')
    expect(lines[1]).to.equal('    at fail (plugins/p/deep/b.ts:5:9)')
    expect(lines[2]).to.match(/stack\.test\.ts:4\d:/)
    const late = await later().catch((error: Error) => error)
    expect(late?.stack).to.match(
      /fail \(plugins\/p\/deep\/b\.ts:5:9\)\n.*later \(plugins\/p\/deep\/b\.ts:9:3\)/,
    )
  })

  it('lead to the plugin and the place', async () => {
    const { fail } = await loadThrowing()
    const error = caught(fail)
    const place = { plugin: 'p', file: shop.path('plugins/p/deep/b.ts'), line: 5, column: 9 }
    expect(shop.stacks.locationOf(error)).to.deep.equal(place)
    expect(shop.stacks.locationOf(new Error('wrapped', { cause: error }))).to.deep.equal(place)
    expect(shop.stacks.locationOf(new AggregateError([1, error]))).to.deep.equal(place)
    expect(shop.stacks.pluginOf(error)).to.equal('p')
    expect(shop.stacks.pluginOf(error.stack)).to.equal('p')
    expect(shop.stacks.pluginOf(new Error('ours'))).to.equal(undefined)
    expect(shop.stacks.pluginOf('plugins/p/a.ts:1:1 in a message')).to.equal(undefined)
    expect(shop.stacks.pluginOf(undefined)).to.equal(undefined)
  })

  it('lead there also when nobody had installed the mapping', async () => {
    undo()
    const { fail } = await loadThrowing()
    const error = caught(fail)
    expect(error.stack).to.contain('opsgram-plugin:p@')
    expect(shop.stacks.locationOf(error)).to.include({ plugin: 'p', line: 5, column: 9 })
  })

  it('belong to the plugin that called a package or the core', async () => {
    shop.write({
      'plugins/p/index.ts':
        "import { z } from 'zod'\n\nexport const parse = (x: unknown) => z.string().parse(x)\nexport const call = (f: () => void) => f()",
    })
    const { exports } = await shop.load()
    const { parse, call } = exports as { parse(x: unknown): void; call(f: () => void): void }
    expect(shop.stacks.locationOf(caught(() => parse(1)))).to.include({ plugin: 'p', line: 3 })
    const ofCore = () => {
      throw new Error('core')
    }
    expect(shop.stacks.locationOf(caught(() => call(ofCore)))).to.include({ plugin: 'p', line: 4 })
  })

  it('belong to the plugin that runs it, when the file is shared', async () => {
    shop.write({
      'plugins/_lib/x.ts': "export const fail = () => {\n  throw new Error('x')\n}",
      'plugins/p/index.ts': "export { fail } from '../_lib/x.ts'",
    })
    const { fail } = (await shop.load()).exports as { fail(): never }
    const error = caught(fail)
    expect(error.stack).to.contain('plugins/_lib/x.ts:2:9')
    expect(shop.stacks.pluginOf(error)).to.equal('p')
  })

  it('are right on the first line, which the link makes longer', async () => {
    await init
    const source = "import { sep } from 'node:path'; if (sep) throw new Error('first')"
    const { code, map } = await transform(source, {
      sourcemap: 'external',
      sourcefile: 'p/index.ts',
      format: 'esm',
      minifyWhitespace: true,
      footer: '$done$({}, [])',
    })
    const { root, dir } = shop.folder()
    const linked = linkBundle(code, new SourcePositions(map, root))
    const plain = { locales: {}, migrations: [], inputs: new Set<string>(), hash: '' }
    const build = { name: 'p', dir, root, map, ...linked, ...plain }
    const error = await failure(shop.evaluate(build))
    expect(error.message).to.equal('plugins/p/index.ts:1:49: first')
  })

  it('of retired code still map for a while, then show raw frames', async () => {
    const first = await loadThrowing()
    first.release()
    expect(caught(first.fail).stack).to.contain('plugins/p/deep/b.ts:5:9')
    for (let i = 0; i < 40; i++) (await shop.load()).release()
    expect(shop.stacks.size).to.equal(32)
    expect(caught(first.fail).stack).to.contain('opsgram-plugin:p@')
  })

  it('are mapped for each of several apps, until the last is stopped', async () => {
    undo()
    const before = Error.prepareStackTrace
    const other = new PluginStacks()
    const [undoOther, undoOurs] = [installStacks(other), installStacks(shop.stacks)]
    const { fail } = await loadThrowing()
    undoOther()
    expect(caught(fail).stack).to.contain('plugins/p/deep/b.ts:5:9')
    undoOurs()
    expect(Error.prepareStackTrace).to.equal(before)
    expect(caught(fail).stack).to.contain('opsgram-plugin:p@')
  })

  it('leave a hook alone that somebody set above ours', async () => {
    const { fail } = await loadThrowing()
    const ours = Error.prepareStackTrace
    const theirs = (error: Error, frames: NodeJS.CallSite[]) => `${ours(error, frames)}\ntheirs`
    Error.prepareStackTrace = theirs
    try {
      expect(caught(fail).stack).to.match(/plugins\/p\/deep\/b\.ts:5:9[\s\S]*\ntheirs$/)
      undo()
      expect(Error.prepareStackTrace).to.equal(theirs)
      expect(caught(fail).stack).to.contain('opsgram-plugin:p@')
    } finally {
      Error.prepareStackTrace = ours
      undo()
    }
  })

  it('are not asked to map what holds no plugin code', async () => {
    const error = await sleep(1).then(() => new Error('plain'))
    expect(error.stack).to.match(/^Error: plain\n.*stack\.test\.ts:\d+:\d+/)
  })
})
