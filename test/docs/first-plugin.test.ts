import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { checkCommand } from '../../core/cli/check/check.ts'
import { playgroundPeople } from '../../core/testing/playground/scene.ts'
import { printed } from '../core/cli/output.ts'
import { failuresOf } from '../support/mocha.ts'
import { rejected } from '../support/rejected.ts'
import { blocksOf, talk } from './guide.ts'

const root = resolve(import.meta.dirname, '../..')

describe('docs/first-plugin.md', () => {
  const blocks = blocksOf(readFileSync(join(root, 'docs/first-plugin.md'), 'utf8'))
  const files = new Map<string, string>()
  let bot: TestBot
  let people: ReadonlyMap<string, TestPerson>
  let broken: Promise<unknown> | undefined

  before(async () => {
    // the playground's own, so that the page tells what a reader sees there
    const { owner, operator, stranger } = playgroundPeople
    bot = await createTestBot({ owners: [owner] })
    people = new Map([
      [owner.firstName, bot.owner],
      [operator.firstName, bot.user({ role: 'operator', ...operator })],
      [stranger.firstName, bot.user(stranger)],
    ])
  })
  after(() => bot.stop())

  for (const { heading, line, language, file, flag, text } of blocks) {
    const where = `${heading}, line ${line}`
    if (file !== undefined) {
      it(`${where}: ${file} ${flag === 'broken' ? 'is refused' : 'is live when it is saved'}`, async () => {
        const name = file.replace('plugins/duty/', '')
        // what was broken is mended before the next step
        if (broken !== undefined) await bot.edit('duty', Object.fromEntries(files))
        broken = undefined
        const saved = bot.edit('duty', { [name]: text })
        if (flag === 'broken') {
          broken = saved
          await rejected(saved)
        } else {
          files.set(name, text)
          await saved
        }
      })
    } else if (language === 'chat') {
      it(`${where}: the conversation goes as it is told`, () => talk(text, people))
    } else if (language === 'error') {
      it(`${where}: the error is the one that is shown`, async () => {
        expect(broken).not.to.equal(undefined)
        const error = await rejected(broken ?? Promise.resolve())
        const shown = error.message.replace('Plugin duty was not loaded: ', '')
        expect(`${error.code}: ${shown}`).to.equal(text.trimEnd())
      })
    }
  }

  it('ends with a plugin that passes check and its own test', async () => {
    await bot.stop()
    // inside of the project, where 'opsgram/testing' leads somewhere
    mkdirSync(join(root, 'var'), { recursive: true })
    const home = mkdtempSync(join(root, 'var/guide-'))
    const pluginsDir = process.env.PLUGINS_DIR
    try {
      for (const [name, text] of files) {
        mkdirSync(dirname(join(home, 'duty', name)), { recursive: true })
        writeFileSync(join(home, 'duty', name), text)
      }
      // as in a fresh project: whoever followed the guide has a plugin of that name already
      process.env.PLUGINS_DIR = home
      const { code, text } = await printed(() => checkCommand([join(home, 'duty')]))
      expect(text).not.to.match(/^ {2}[✖!]/m)
      expect(code).to.equal(0)
      expect(await failuresOf(join(home, 'duty/duty.test.ts'))).to.deep.equal([])
    } finally {
      if (pluginsDir === undefined) delete process.env.PLUGINS_DIR
      else process.env.PLUGINS_DIR = pluginsDir
      rmSync(home, { recursive: true })
    }
  })
})
