import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import fc from 'fast-check'
import { systemClock } from '../../../../core/clock.ts'
import type { Database } from '../../../../core/database/connection.ts'
import * as opsgram from '../../../../core/index.ts'
import { KeptBuilds } from '../../../../core/plugin/code/kept-builds.ts'
import { PluginStacks } from '../../../../core/plugin/code/stack.ts'
import { acceptEverything } from '../../../../core/plugin/opening/baseline.ts'
import { Reloader } from '../../../../core/plugin/reload/reloader.ts'
import { freshDatabase } from '../../../support/database.ts'
import { freshFolder } from '../../../support/folders.ts'
import { silentLog } from '../../../support/log.ts'
import { rejected } from '../../../support/rejected.ts'
import { until } from '../../../support/wait.ts'
import { type Content, type Edit, Model } from './model.ts'

const names = ['alpha', 'beta', 'gamma', 'delta']
const isSharing = (name: string) => name !== 'delta'

/** What the plugins of this test find at a well-known place: which versions of them are set up. */
const openKey = Symbol.for('opsgram.test.open-versions')
const openVersions = new Set<string>()

const source = (name: string, { kind, version }: Content) => `
import { definePlugin } from 'opsgram'
import { setImmediate as turn } from 'node:timers/promises'
${isSharing(name) ? `import { word } from '../_shared/word.ts'` : 'const word = 0'}
${kind === 'syntax' ? 'export const = 1' : ''}
const open = globalThis[Symbol.for('opsgram.test.open-versions')]
const me = \`${name} v${version} w\${word}\`
export default definePlugin({
  name: '${kind === 'misnamed' ? 'other' : name}',
  version: '1.0.0',
  setup(scope) {
    open.add(me)
    scope.onDispose(() => open.delete(me))
    ${kind === 'setup' ? `throw new Error('no luck')` : ''}
  },
  commands: ({ command }) => ({
    ${name}: command({
      description: 'x',
      async run(_ctx, released) {
        await released
        for (let i = 0; i < 3; i++) await turn()
        return open.has(me) ? me : me + ' was disposed while it ran'
      },
    }),
  }),
})
`

/** Plugin folders on disk, and a reloader that is told of each change as the watcher would tell it. */
const neverCalled = () => Promise.reject(new Error('nobody is called here'))

class Bench {
  readonly reloader: Reloader
  readonly #root: string
  readonly #touched = new Set<string>()

  private constructor(reloader: Reloader, root: string) {
    this.reloader = reloader
    this.#root = root
  }

  static async open(database: Database): Promise<Bench> {
    const root = path.join(freshFolder(), 'plugins')
    mkdirSync(root)
    const reloader = await Reloader.create({
      disabled: new Set(),
      kept: new KeptBuilds({
        dir: path.join(root, '../kept'),
        coreVersion: '1.0.0',
        log: silentLog,
      }),
      database,
      coreEntities: [],
      coreServices: [],
      calls: { for: () => ({ fetch: neverCalled, asFetch: () => fetch, record: () => undefined }) },
      store: { publish: async () => undefined, subscribe: () => () => undefined },
      queue: { send: async () => undefined },
      migrations: 'auto',
      others: async () => [],
      prepare: {
        roots: [root],
        packages: { names: [], from: '/' },
        stacks: new PluginStacks(),
        importShared: async (name) => (name === 'opsgram' ? opsgram : await import(name)),
        settingsOf: () => ({}),
        defaultLanguage: 'en',
        coreVersion: '1.0.0',
        evaluateTimeoutMs: 10_000,
        log: silentLog,
      },
      access: acceptEverything,
      clock: systemClock,
      log: silentLog,
    })
    const bench = new Bench(reloader, root)
    bench.#write('_shared/word.ts', 'export const word = 1')
    await reloader.start()
    return bench
  }

  /** Applies edits as they come, and reloads once. */
  async apply(edits: readonly Edit[]): Promise<void> {
    for (const edit of edits) this.#apply(edit)
    const files = new Set(this.#touched)
    this.#touched.clear()
    await this.reloader.filesChanged(files)
  }

  #apply(edit: Edit): void {
    switch (edit.do) {
      case 'share': {
        const { word } = edit
        this.#write('_shared/word.ts', word === 0 ? 'export const' : `export const word = ${word}`)
        return
      }
      case 'write':
        this.#write(`${edit.name}/index.ts`, source(edit.name, edit.content))
        return
      case 'delete':
        rmSync(this.#path(edit.name), { recursive: true, force: true })
        return
      case 'rename':
        rmSync(this.#path(edit.to), { recursive: true, force: true })
        renameSync(this.#path(edit.name), this.#path(edit.to))
        if (edit.whole) this.#write(`${edit.to}/index.ts`, source(edit.to, edit.content))
    }
  }

  #write(file: string, text: string): void {
    mkdirSync(path.dirname(this.#path(file)), { recursive: true })
    writeFileSync(this.#path(file), text)
  }

  #path(file: string): string {
    const full = path.join(this.#root, file)
    this.#touched.add(full)
    return full
  }

  /** Runs a plugin's command as an update would: it holds its generation until the handler ends. */
  async ask(name: string, released: Promise<void> | undefined): Promise<string | undefined> {
    const held = this.reloader.live.take({ plugin: () => name, cut: () => undefined })
    try {
      const run = held.generation.routes.commands.get(name)?.command.run as
        | ((ctx: object, released: Promise<void> | undefined) => Promise<string>)
        | undefined
      return await run?.({}, released)
    } finally {
      held.release()
    }
  }
}

interface Asked {
  readonly name: string
  readonly answer: string | undefined
}

/** Asks all plugins again and again while something runs. @returns the answers in the order of the asking */
async function underTraffic(bench: Bench, work: () => Promise<void>): Promise<readonly Asked[]> {
  const asked: Promise<Asked>[] = []
  let isOver = false
  const traffic = (async () => {
    do {
      for (const name of names) {
        asked.push(bench.ask(name, undefined).then((answer) => ({ name, answer })))
      }
      await turn()
      // some thousand a second are traffic enough
      if (asked.length > 40) await Promise.all(asked)
    } while (!isOver)
  })()
  await work().finally(() => {
    isOver = true
  })
  await traffic
  return Promise.all(asked)
}

/** Each answer is the one before the change or the one after it, and never the one before again. */
function expectOnce(
  asked: readonly Asked[],
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
) {
  for (const name of names) {
    const answers = asked.filter((one) => one.name === name).map(({ answer }) => answer)
    const changed = answers.findIndex((answer) => answer !== before.get(name))
    const [early, late] =
      changed < 0 ? [answers, []] : [answers.slice(0, changed), answers.slice(changed)]
    expect(new Set(early.length > 0 ? early : [before.get(name)])).to.deep.equal(
      new Set([before.get(name)]),
    )
    for (const answer of late) expect(answer, name).to.equal(after.get(name))
  }
}

const name = fc.constantFrom(...names)
/** Version numbers are given when the edits are applied. */
const edit = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      name,
      kind: fc.constant('good' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      name,
      kind: fc.constantFrom('syntax' as const, 'setup' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('rename' as const),
      name,
      to: name,
      whole: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('share' as const), breaks: fc.boolean() }) },
)
type Plan = typeof edit extends fc.Arbitrary<infer T> ? T : never
/** Steps; the edits of one are seen at once. */
const steps = fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 8,
})

describe('any sequence of edits, under traffic', function () {
  this.timeout(120_000)
  let database: Database
  let count = 0

  before(async () => {
    Reflect.set(globalThis, openKey, openVersions)
    database = await freshDatabase({ migrated: true })
  })
  after(async () => {
    Reflect.deleteProperty(globalThis, openKey)
    await database.close()
  })

  /** Each content is new, and nothing is renamed that isn't there. */
  function editOf(plan: Plan, disk: ReadonlyMap<string, Content>): Edit | undefined {
    count++
    if (plan.do === 'write')
      return { do: 'write', name: plan.name, content: { kind: plan.kind, version: count } }
    if (plan.do === 'share') return { do: 'share', word: plan.breaks ? 0 : count }
    const content = disk.get(plan.name)
    if (content === undefined) return undefined
    if (plan.do === 'delete') return plan
    if (plan.to === plan.name || content.kind === 'misnamed') return undefined
    // what comes back as it was is no change: what failed with it isn't tried again
    return { ...plan, content: plan.whole ? { ...content, version: count } : content }
  }

  it('leaves nothing when it comes after the stop', async () => {
    const bench = await Bench.open(database)
    await bench.reloader.stop()
    const written: Edit = {
      do: 'write',
      name: 'alpha',
      content: { kind: 'good', version: ++count },
    }
    const { code } = await rejected(bench.apply([written]))
    expect(code).to.equal('OPS_SHUTDOWN')
    expect(openVersions.size).to.equal(0)
  })

  it('leaves what a simple model says: each change whole or not at all, every version disposed once it is idle', async () => {
    const property = fc.asyncProperty(steps, async (plans) => {
      // a run that failed may have left some
      openVersions.clear()
      const bench = await Bench.open(database)
      const model = new Model(isSharing)
      try {
        for (const step of plans) {
          const before = model.answers
          const release = Promise.withResolvers<void>()
          const running = names.map((one) => bench.ask(one, release.promise))
          const edits: Edit[] = []
          const shadow = new Map(model.disk)
          for (const plan of step) {
            const next = editOf(plan, shadow)
            if (next === undefined) continue
            edits.push(next)
            applyTo(shadow, next)
          }
          model.apply(edits)
          const asked = await underTraffic(bench, () => bench.apply(edits))
          const { answers } = model
          expectOnce(asked, before, answers)
          for (const one of names)
            expect(await bench.ask(one, undefined)).to.equal(answers.get(one))
          // handlers that ran all the while ended on the version that they began on
          release.resolve()
          expect(await Promise.all(running)).to.deep.equal(names.map((one) => before.get(one)))
          const live = JSON.stringify([...answers.values()].sort())
          await until(
            `only ${live} are set up`,
            () => JSON.stringify([...openVersions].sort()) === live,
            5_000,
          )
        }
      } finally {
        await bench.reloader.stop()
      }
      expect(openVersions.size).to.equal(0)
    })
    // bounded by time and not by number: a busy machine does fewer. Shrinks; prints seed and path when it fails
    await fc.assert(property, { numRuns: 1_000, interruptAfterTimeLimit: 12_000 })
  })
})

function applyTo(disk: Map<string, Content>, edit: Edit): void {
  const model = new Model(isSharing)
  for (const [one, content] of disk) model.disk.set(one, content)
  model.apply([edit])
  disk.clear()
  for (const [one, content] of model.disk) disk.set(one, content)
}
