import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { BotProcess } from './support/bot-process.ts'
import { wordPlugin } from './support/plugins.ts'
import { until } from './support/wait.ts'

const json = (value: object) => JSON.stringify(value)

/** As a compiler leaves it: JavaScript, its migrations beside it, its texts where they were. */
const built = `
import { defineEntity, p } from '@mikro-orm/core'
import { definePlugin } from 'opsgram'
import { shout } from 'shouting'
import { suffix } from './deep/suffix.js'
const Row = defineEntity({
  name: 'BuiltRow',
  tableName: 'built_rows',
  properties: { id: p.string().primary() },
})
export default definePlugin({
  name: 'built',
  version: '1.0.0',
  entities: [Row],
  commands: ({ command }) => ({
    built: command({
      description: 'x',
      async run(ctx) {
        const rows = await ctx.em.count(Row)
        return shout(ctx.t('word')) + suffix + ' ' + rows
      },
    }),
  }),
})
`
const migration = `
import { Migration } from '@mikro-orm/migrations'
export default class extends Migration {
  up() {
    this.addSql('create table built_rows (id text primary key)')
  }
}
`

describe('npm packages that are plugins', function () {
  this.timeout(120_000)
  let bot: BotProcess
  const packages = () => join(bot.folder, 'node_modules')

  const write = (file: string, text: string) => {
    const path = join(bot.folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  const writeAll = (files: Readonly<Record<string, string>>) => {
    for (const [file, text] of Object.entries(files)) write(file, text)
  }

  before(async () => {
    bot = await BotProcess.create({
      plugins: { 'taken/index.ts': wordPlugin('taken', 'by a folder') },
      env: {
        PLUGINS_PACKAGES:
          'opsgram-plugin-source,@acme/opsgram-built,opsgram-linked,opsgram-taken,opsgram-absent,opsgram-empty',
      },
    })
    writeAll({
      'node_modules/opsgram-plugin-source/package.json': json({ name: 'opsgram-plugin-source' }),
      'node_modules/opsgram-plugin-source/index.ts': wordPlugin('source', 'a'),
      'node_modules/@acme/opsgram-built/package.json': json({
        name: '@acme/opsgram-built',
        type: 'module',
        exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
      }),
      'node_modules/@acme/opsgram-built/dist/index.js': built,
      'node_modules/@acme/opsgram-built/dist/index.d.ts': 'export {}',
      'node_modules/@acme/opsgram-built/dist/deep/suffix.js': `export const suffix = '!'`,
      'node_modules/@acme/opsgram-built/dist/migrations/0001_rows.js': migration,
      'node_modules/@acme/opsgram-built/locales/en.json': json({ word: 'text' }),
      // a dependency of its own
      'node_modules/@acme/opsgram-built/node_modules/shouting/package.json': json({
        name: 'shouting',
        main: 'index.js',
      }),
      'node_modules/@acme/opsgram-built/node_modules/shouting/index.js':
        'exports.shout = (text) => text.toUpperCase()',
      'work/linked/package.json': json({ name: 'opsgram-linked', opsgram: { plugin: 'linkage' } }),
      'work/linked/index.ts': wordPlugin('linkage', 'a'),
      'node_modules/opsgram-taken/package.json': json({ name: 'opsgram-taken' }),
      'node_modules/opsgram-taken/index.ts': wordPlugin('taken', 'by a package'),
      'node_modules/opsgram-empty/package.json': json({ name: 'opsgram-empty' }),
    })
    symlinkSync(join(bot.folder, 'work/linked'), join(packages(), 'opsgram-linked'))
    await bot.start()
  })
  after(() => bot.close())

  const ask = (command: string) => bot.ask(bot.ownerId, command)

  it('serve as folders do: as source, or built, with entities, texts and dependencies of their own', async () => {
    expect(await ask('/source')).to.equal('a')
    expect(await ask('/built')).to.equal('TEXT! 0')
    expect(await ask('/linkage')).to.equal('a')
    await ask('/help')
    // the list takes more than one message
    const told = () => bot.said(bot.ownerId).join('\n')
    await until('all of it', () => /\/worklog sync/.test(told()))
    expect(told()).to.include('/built — ').and.include('/linkage — ')
  })

  it('fail alone when they are not installed or hold nothing, and say what to do', async () => {
    const absent = await bot.event('plugin.reload.aborted', { plugin: 'absent' })
    expect(absent.code).to.equal('OPS_PLUGIN_PACKAGE')
    expect(absent.hint).to.include('npm install opsgram-absent')
    const empty = await bot.event('plugin.reload.aborted', { plugin: 'empty' })
    expect(empty.code).to.equal('OPS_PLUGIN_PACKAGE')
    expect(empty.message).to.include('no entry')
  })

  it('give way to a folder of the same name, and both are named', async () => {
    const { code, message } = await bot.event('plugin.reload.aborted', { plugin: 'taken' })
    expect(code).to.equal('OPS_PLUGIN_CONFLICT')
    expect(message).to.include(bot.pluginsDir).and.include(packages())
    expect(await ask('/taken')).to.equal('by a folder')
  })

  it('are reloaded by a save when they are linked, else when somebody asks for it', async () => {
    bot.forget()
    write('node_modules/opsgram-plugin-source/index.ts', wordPlugin('source', 'b'))
    write('work/linked/index.ts', wordPlugin('linkage', 'b'))
    await bot.event('plugin.reload.committed', { plugin: 'linkage' })
    expect(await ask('/linkage')).to.equal('b')
    expect(await ask('/source')).to.equal('a')
    await ask('/plugins reload source')
    await bot.event('plugin.reload.committed', { plugin: 'source' })
    expect(await ask('/source')).to.equal('b')
  })

  it('keep serving while npm replaces them, whatever else is saved meanwhile', async () => {
    rmSync(join(packages(), 'opsgram-plugin-source'), { recursive: true })
    bot.forget()
    bot.write('taken/index.ts', wordPlugin('taken', 'new'))
    await bot.event('plugin.reload.committed', { plugin: 'taken' })
    expect(await ask('/source')).to.equal('b')
    await ask('/plugins reload source')
    const { code } = await bot.event('plugin.reload.aborted', { plugin: 'source' })
    expect(code).to.equal('OPS_PLUGIN_PACKAGE')
    expect(await ask('/source')).to.equal('b')
  })
})
