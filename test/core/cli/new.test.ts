import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { checkCommand } from '../../../core/cli/check/check.ts'
import { newCommand } from '../../../core/cli/new/new.ts'
import { complete } from '../../../core/cli/new/questions.ts'
import { freshFolder } from '../../support/folders.ts'
import { failuresOf } from '../../support/mocha.ts'
import { rejected } from '../../support/rejected.ts'
import { printed } from './output.ts'

const root = resolve(import.meta.dirname, '../../..')

describe('opsgram new', () => {
  it('writes plugins that pass check and their own test at once', async function () {
    this.timeout(90_000)
    // inside of the project, where 'opsgram/testing' leads somewhere
    mkdirSync(join(root, 'var'), { recursive: true })
    const dir = mkdtempSync(join(root, 'var/new-'))
    try {
      await printed(() => newCommand(['disks', '--dir', dir]))
      await printed(() => newCommand(['notes', '--dir', dir, '--with', 'entity']))
      const both = [join(dir, 'disks'), join(dir, 'notes')]
      const { code, text } = await printed(() => checkCommand(both))
      expect(text).not.to.match(/^ {2}[✖!]/m)
      expect(code).to.equal(0)
      expect(await failuresOf(join(dir, 'disks/disks.test.ts'))).to.deep.equal([])
      expect(await failuresOf(join(dir, 'notes/notes.test.ts'))).to.deep.equal([])
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  it('puts the description where people read it, whatever it holds', async () => {
    const dir = freshFolder()
    const description = `It's a "sample" \\ of $& all`
    await printed(() => newCommand(['disks', '--dir', dir, '--description', description]))
    const text = (file: string) => readFileSync(join(dir, 'disks', file), 'utf8')
    expect(text('index.ts')).to.contain(`description: 'It\\'s a "sample" \\\\ of $& all'`)
    const locale: unknown = JSON.parse(text('locales/ru.json'))
    expect(locale).to.have.nested.property('commands.disks.description', description)
    expect(text('README.md')).to.contain(description)
  })

  it('writes a test for Node’s own runner where the checkout’s doesn’t look', async () => {
    const dir = freshFolder()
    const { text } = await printed(() => newCommand(['disks', '--dir', dir]))
    const test = readFileSync(join(dir, 'disks/disks.test.ts'), 'utf8')
    expect(test).to.match(/^import \{ after, before, describe, it \} from 'node:test'\n/)
    // nobody finds `opsgram/testing` from there
    expect(text).to.contain(`npx opsgram dev ${dir}/disks`).and.not.to.contain('opsgram test')
  })

  it('asks for what it was not told, and again for a name that won’t do', async () => {
    const typed = ['http', ' disks ', 'Free space', 'y']
    const questions: string[] = []
    const ask = async (question: string) => {
      questions.push(question)
      return typed.shift() ?? ''
    }
    const complaint = async (name: string) => (name === 'http' ? 'It is reserved' : undefined)
    const nothing = { name: undefined, description: undefined, extra: undefined }
    const wish = await complete(nothing, ask, complaint)
    expect(wish).to.deep.equal({ name: 'disks', description: 'Free space', extra: 'entity' })
    expect(questions[1]).to.match(/^It is reserved\nName/)
    expect(questions).to.have.length(4)
  })

  it('refuses what can be no name, what is reserved and what is there', async () => {
    const dir = freshFolder()
    const refused = async (...args: string[]) =>
      (await rejected(printed(() => newCommand([...args, '--dir', dir])))).code
    expect(await refused('Disk-Space')).to.equal('OPS_PLUGIN_NAME')
    expect(await refused('http')).to.equal('OPS_PLUGIN_NAME')
    expect(await refused('worklog')).to.equal('OPS_CLI_EXISTS')
    await printed(() => newCommand(['disks', '--dir', dir]))
    expect(await refused('disks')).to.equal('OPS_CLI_EXISTS')
    expect(await refused('a', 'b')).to.equal('OPS_CLI_USAGE')
  })

  it('suggests what a misspelt --with meant', async () => {
    const error = await rejected(newCommand(['disks', '--with', 'entitty']))
    expect([error.code, error.hint]).to.deep.equal(['OPS_CLI_USAGE', 'Did you mean --with entity?'])
  })
})
