import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { BotProcess, type LogLine } from './support/bot-process.ts'
import { gatePlugin, wordPlugin } from './support/plugins.ts'
import { until } from './support/wait.ts'

/** Answers what a file of a shared folder says. */
const sharing = (name: string, own: string, file = 'word.ts') => `
import { definePlugin } from 'opsgram'
import { word } from '../_words/${file}'

export default definePlugin({
  name: '${name}',
  version: '1.0.0',
  commands: ({ command }) => ({
    ${name}: command({ description: 'x', run: () => '${own} ' + word }),
  }),
})
`

describe('plugins that change together', () => {
  let bot: BotProcess
  let second: string

  before(async () => {
    bot = await BotProcess.create({
      firstParty: false,
      plugins: { 'gate/index.ts': gatePlugin },
      env: { PLUGINS_DIR: 'plugins,second' },
    })
    second = join(bot.folder, 'second')
    mkdirSync(second)
    await bot.start()
  })
  after(() => bot.close())

  beforeEach(() => bot.forget())
  afterEach(async () => {
    for (const name of ['one', 'two', 'three', '_words', '.git']) bot.remove(name)
    rmSync(join(second, 'one'), { recursive: true, force: true })
    for (const command of ['/one', '/two', '/three']) {
      await until(`${command} is gone`, () => isUnknown(command))
    }
  })

  const ask = (command: string) => bot.ask(bot.ownerId, command)
  const isUnknown = async (command: string) =>
    (await ask(command)).startsWith('There is no command')
  const lines = (event: string) => bot.lines.filter((line) => line.event === event)
  const committed = (plugin: string) => bot.event('plugin.reload.committed', { plugin })
  const aborted = (plugin: string) => bot.event('plugin.reload.aborted', { plugin })

  async function drop(files: Readonly<Record<string, string>>, ...plugins: string[]) {
    bot.writeAll(files)
    for (const plugin of plugins) await bot.event('plugin.loaded', { plugin })
    bot.forget()
  }

  /** All of these lines are of one commit. */
  function expectOneCommit(...of: LogLine[]) {
    expect(new Set(of.map(({ generation }) => generation)).size, JSON.stringify(of)).to.equal(1)
  }

  describe('by a checkout of a branch', () => {
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=Ops', '-c', 'user.email=ops@example.org', ...args], {
        cwd: bot.pluginsDir,
        stdio: 'pipe',
      })

    /** Two branches, `main` and `next`; the working copy holds `main`, which serves. */
    async function branches(next: Readonly<Record<string, string>>) {
      await drop(
        { 'one/index.ts': wordPlugin('one', 'a'), 'two/index.ts': wordPlugin('two', 'a') },
        'one',
        'two',
      )
      git('init', '-q', '-b', 'main')
      git('add', 'one', 'two')
      git('commit', '-qm', 'a')
      git('checkout', '-qb', 'next')
      bot.signal('SIGSTOP')
      for (const [file, text] of Object.entries(next))
        writeFileSync(join(bot.pluginsDir, file), text)
      git('commit', '-qam', 'b')
      git('checkout', '-q', 'main')
      bot.signal('SIGCONT')
      // by then it has looked at all of that, and found nothing new
      await drop({ 'three/index.ts': wordPlugin('three', 'a') }, 'three')
    }

    it('are one transaction, there and back', async () => {
      await branches({
        'one/index.ts': wordPlugin('one', 'b'),
        'two/index.ts': wordPlugin('two', 'b'),
      })
      for (const [branch, word] of [
        ['next', 'b'],
        ['main', 'a'],
      ] as const) {
        bot.forget()
        git('checkout', '-q', branch)
        expectOneCommit(await committed('one'), await committed('two'))
        expect(await ask('/one')).to.equal(word)
        expect(await ask('/two')).to.equal(word)
      }
    })

    it('all stay as they are when one of them is broken, and all come when it is mended', async () => {
      await branches({ 'one/index.ts': wordPlugin('one', 'b'), 'two/index.ts': 'export default (' })
      bot.forget()
      git('checkout', '-q', 'next')
      const broken = await aborted('two')
      expect(broken.code).to.equal('OPS_PLUGIN_BUILD')
      expect(broken.file).to.equal(join(bot.pluginsDir, 'two/index.ts'))
      const held = await aborted('one')
      expect(held.code).to.equal('OPS_PLUGIN_TOGETHER')
      expect(held.message).to.include('two')
      expect(await ask('/one')).to.equal('a')
      expect(await ask('/two')).to.equal('a')
      bot.write('two/index.ts', wordPlugin('two', 'b'))
      expectOneCommit(await committed('one'), await committed('two'))
      expect(await ask('/one')).to.equal('b')
      expect(await ask('/two')).to.equal('b')
    })

    it('one that is saved once more stands for itself', async () => {
      await branches({ 'one/index.ts': wordPlugin('one', 'b'), 'two/index.ts': 'export default (' })
      bot.forget()
      git('checkout', '-q', 'next')
      await aborted('one')
      bot.write('one/index.ts', wordPlugin('one', 'c'))
      await committed('one')
      expect(await ask('/one')).to.equal('c')
      expect(await ask('/two')).to.equal('a')
    })

    it('all that is broken is told at once', async () => {
      await branches({ 'one/index.ts': 'export default (', 'two/index.ts': 'export default (' })
      bot.forget()
      git('checkout', '-q', 'next')
      expect((await aborted('one')).code).to.equal('OPS_PLUGIN_BUILD')
      expect((await aborted('two')).code).to.equal('OPS_PLUGIN_BUILD')
    })
  })

  describe('by a file that they share', () => {
    const word = (text: string) => `export const word = '${text}'`
    const three = () =>
      drop(
        {
          '_words/word.ts': word('a'),
          'one/index.ts': sharing('one', 'one'),
          'two/index.ts': sharing('two', 'two'),
          'three/index.ts': wordPlugin('three', 'alone'),
        },
        'one',
        'two',
        'three',
      )

    it('are one transaction, and the others are left alone', async () => {
      await three()
      bot.write('_words/word.ts', word('b'))
      expectOneCommit(await committed('one'), await committed('two'))
      expect(await ask('/one')).to.equal('one b')
      expect(await ask('/two')).to.equal('two b')
      expect(lines('plugin.reload.committed').map(({ plugin }) => plugin)).not.to.include('three')
    })

    it('all keep their version while the file is broken', async () => {
      await three()
      bot.write('_words/word.ts', 'export const = 1')
      expect((await aborted('one')).file).to.equal(join(bot.pluginsDir, '_words/word.ts'))
      await aborted('two')
      expect(await ask('/one')).to.equal('one a')
      bot.write('_words/word.ts', word('c'))
      expectOneCommit(await committed('one'), await committed('two'))
      expect(await ask('/one')).to.equal('one c')
    })

    it('are not held up by one that was broken before', async () => {
      await three()
      bot.write('one/index.ts', 'export default (')
      await aborted('one')
      bot.write('_words/word.ts', word('b'))
      await committed('two')
      expect(await ask('/two')).to.equal('two b')
      expect(await ask('/one')).to.equal('one a')
    })

    it('are mended by the file that was missing', async () => {
      await three()
      bot.write('one/index.ts', sharing('one', 'one', 'later.ts'))
      expect((await aborted('one')).code).to.equal('OPS_PLUGIN_BUILD')
      bot.write('_words/later.ts', word('later'))
      await committed('one')
      expect(await ask('/one')).to.equal('one later')
    })

    it('are not reloaded when the file is written as it was', async () => {
      await three()
      const file = join(bot.pluginsDir, '_words/word.ts')
      writeFileSync(file, readFileSync(file))
      utimesSync(file, new Date(), new Date())
      bot.write('three/index.ts', wordPlugin('three', 'new'))
      await committed('three')
      expect(lines('plugin.reload.committed')).to.have.length(1)
    })

    it('may share another plugin’s api.ts', async () => {
      const provider = (name: string) => `
        import { definePlugin } from 'opsgram'
        import { greeting } from './api.ts'
        export default definePlugin({
          name: '${name}',
          version: '1.0.0',
          commands: ({ command }) => ({ ${name}: command({ description: 'x', run: () => greeting }) }),
        })`
      await drop(
        {
          'one/api.ts': `export const greeting = 'a'`,
          'one/index.ts': provider('one'),
          'two/index.ts': provider('two').replace('./api.ts', '../one/api.ts'),
        },
        'one',
        'two',
      )
      bot.write('one/api.ts', `export const greeting = 'b'`)
      expectOneCommit(await committed('one'), await committed('two'))
      expect(await ask('/one')).to.equal('b')
      expect(await ask('/two')).to.equal('b')
    })
  })

  describe('by a move', () => {
    const move = (from: string, to: string) =>
      renameSync(join(bot.pluginsDir, from), join(bot.pluginsDir, to))

    it('a folder that is renamed with its manifest goes and comes in one commit', async () => {
      await drop({ 'one/index.ts': wordPlugin('one', 'a') }, 'one')
      bot.signal('SIGSTOP')
      move('one', 'two')
      writeFileSync(join(bot.pluginsDir, 'two/index.ts'), wordPlugin('two', 'a'))
      bot.signal('SIGCONT')
      expectOneCommit(
        await bot.event('plugin.loaded', { plugin: 'two' }),
        await bot.event('plugin.unloaded', { plugin: 'one' }),
      )
      expect(await ask('/two')).to.equal('a')
      expect(await isUnknown('/one')).to.equal(true)
    })

    it('one whose new name is not in its manifest goes on serving under the old one until it is', async () => {
      await drop(
        { 'one/index.ts': wordPlugin('one', 'a'), 'three/index.ts': wordPlugin('three', 'a') },
        'one',
        'three',
      )
      move('one', 'two')
      expect((await aborted('two')).code).to.equal('OPS_PLUGIN_NAME')
      expect((await aborted('one')).code).to.equal('OPS_PLUGIN_TOGETHER')
      expect(await ask('/one')).to.equal('a')
      // and nobody else is held up by that
      bot.write('three/index.ts', wordPlugin('three', 'b'))
      await committed('three')
      expect(await ask('/one')).to.equal('a')
      bot.write('two/index.ts', wordPlugin('two', 'b'))
      expectOneCommit(
        await bot.event('plugin.loaded', { plugin: 'two' }),
        await bot.event('plugin.unloaded', { plugin: 'one' }),
      )
      expect(await ask('/two')).to.equal('b')
    })

    it('one that is renamed and then removed is gone under both names', async () => {
      await drop({ 'one/index.ts': wordPlugin('one', 'a') }, 'one')
      move('one', 'two')
      await aborted('one')
      bot.remove('two')
      await bot.event('plugin.unloaded', { plugin: 'one' })
      expect(await isUnknown('/one')).to.equal(true)
    })

    it('one that is renamed and renamed back serves as before', async () => {
      await drop({ 'one/index.ts': wordPlugin('one', 'a') }, 'one')
      move('one', 'two')
      await aborted('one')
      move('two', 'one')
      bot.forget()
      bot.write('one/index.ts', wordPlugin('one', 'b'))
      await committed('one')
      expect(await ask('/one')).to.equal('b')
    })

    it('a folder may move into another of PLUGINS_DIR while it serves', async () => {
      await drop({ 'one/index.ts': wordPlugin('one', 'a') }, 'one')
      renameSync(join(bot.pluginsDir, 'one'), join(second, 'one'))
      await committed('one')
      expect(await ask('/one')).to.equal('a')
      writeFileSync(join(second, 'one/index.ts'), wordPlugin('one', 'b'))
      await until('the new place is watched', async () => (await ask('/one')) === 'b')
    })

    it('a folder may be a link; what is saved where it leads is seen', async () => {
      const target = join(bot.folder, 'elsewhere')
      mkdirSync(target)
      writeFileSync(join(target, 'index.ts'), wordPlugin('one', 'a'))
      symlinkSync(target, join(bot.pluginsDir, 'one'))
      await bot.event('plugin.loaded', { plugin: 'one' })
      writeFileSync(join(target, 'index.ts'), wordPlugin('one', 'b'))
      await committed('one')
      expect(await ask('/one')).to.equal('b')
    })
  })

  describe('as editors save them', () => {
    const saves: Record<string, (file: string, text: string) => void> = {
      'by writing beside and renaming': (file, text) => {
        writeFileSync(`${file}.tmp`, text)
        renameSync(`${file}.tmp`, file)
      },
      'as vim does, by moving the old one away': (file, text) => {
        writeFileSync(join(file, '../4913'), '')
        rmSync(join(file, '../4913'))
        renameSync(file, `${file}~`)
        writeFileSync(file, text)
        rmSync(`${file}~`)
      },
      'as JetBrains’ editors do': (file, text) => {
        writeFileSync(`${file}___jb_tmp___`, text)
        renameSync(file, `${file}___jb_old___`)
        renameSync(`${file}___jb_tmp___`, file)
        rmSync(`${file}___jb_old___`)
      },
      'by truncating and writing in two steps': (file, text) => {
        writeFileSync(file, text.slice(0, 40))
        writeFileSync(file, text)
      },
    }
    for (const [how, save] of Object.entries(saves)) {
      it(`${how}: one reload, and no broken one`, async () => {
        await drop({ 'one/index.ts': wordPlugin('one', 'a') }, 'one')
        for (const word of ['b', 'c', 'd']) {
          bot.forget()
          save(join(bot.pluginsDir, 'one/index.ts'), wordPlugin('one', word))
          await committed('one')
          expect(await ask('/one')).to.equal(word)
          expect(lines('plugin.reload.committed')).to.have.length(1)
          expect(lines('plugin.reload.aborted')).to.have.length(0)
        }
      })
    }
  })
})
