import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { checkCommand } from '../../../core/cli/check/check.ts'
import { freshFolder } from '../../support/folders.ts'
import { rejected } from '../../support/rejected.ts'
import { printed } from './output.ts'

const manifest = (keys: string, before = '') => `import { definePlugin } from 'opsgram'
${before}
export default definePlugin({
  name: 'disks',
  version: '1.0.0',
  ${keys}
})
`
const disks =
  "commands: ({ command }) => ({ disks: command({ description: 'Disks', run: () => 'ok' }) }),"

const mark = 'static readonly breaking = true'
/** @param all name, members, statement */
const migrations = (...all: [string, string, string][]) =>
  Object.fromEntries(
    all.map(([name, members, sql]) => [
      `migrations/${name}.ts`,
      `import { Migration } from '@mikro-orm/migrations'
export default class extends Migration {
  ${members}
  override up(): void { this.addSql('${sql}') }
}
`,
    ]),
  )

/** Plugins named `disks`, each with one thing that is wrong or could be better. */
const plugins = {
  fit: { 'index.ts': manifest(disks) },
  syntax: { 'index.ts': manifest(disks).replace("'ok'", "'o'k'") },
  type: {
    'index.ts': manifest(disks.replace("'ok'", 'ctx.nothing').replace('run: ()', 'run: (ctx)')),
  },
  conflict: { 'index.ts': manifest(disks.replace('disks:', 'help:')) },
  migration: {
    'index.ts': manifest(`entities: [Disk],\n  ${disks}`, "import { Disk } from './entities.ts'"),
    'entities.ts': `import { defineEntity, p } from '@mikro-orm/core'
const schema = defineEntity({ name: 'Disk', tableName: 'disks_disks', properties: { id: p.integer().primary(), label: p.text() } })
export class Disk extends schema.class {}
schema.setClass(Disk)
`,
    'migrations/0001_disks.ts': `import { Migration } from '@mikro-orm/migrations'
export default class Disks extends Migration {
  override up(): void { this.addSql('create table disks_disks (id int primary key)') }
}
`,
  },
  breaking: {
    'index.ts': manifest(disks),
    ...migrations(
      ['0001_disks', '', 'create table disks_disks (id int primary key, label text)'],
      ['0002_bare', '', 'alter table disks_disks drop column label'],
      ['0003_marked', mark, 'alter table disks_disks add column size int'],
      [
        '0004_odd',
        `${mark}\n  override down(): void { this.addSql('select 1') }`,
        'alter table disks_disks add column a int not null',
      ],
      ['0005_index', '', 'create index on disks_disks (size); create table elsewhere (id int)'],
    ),
  },
  texts: {
    'index.ts': manifest(disks),
    'locales/en.json': '{ "full_one": "disk", "full_other": "disks", "none": "none" }',
    'locales/ru.json': '{ "full_one": "диск", "full_few": "диска", "full_many": "дисков" }',
  },
  leftovers: {
    'index.ts': manifest(`setup() {\n    setInterval(() => undefined, 60_000)\n  },\n  ${disks}`),
  },
  held: {
    'index.ts': manifest(
      `setup() {\n    (Reflect.get(globalThis, 'heldDisks') as unknown[])?.push(() => 1)\n  },\n  ${disks}`,
    ),
  },
  access: {
    'index.ts': manifest(`permissions: {
    'disks.mute': { description: 'Mute', roles: ['operator', 'guest'] },
    'disks.read': { description: 'Read', roles: ['operator'] },
    'disks.purge': { description: 'Purge', roles: [] },
  },
  commands: ({ command }) => ({
    disks: command({
      description: 'Disks',
      permission: 'disks.mute',
      subcommands: {
        list: command({ description: 'x', run: (ctx) => (ctx.can('disks.read') ? 'all' : 'some') }),
        mute: command({ description: 'x', run: (ctx) => void ctx.em.nativeDelete('Disk', { id: 1 }) }),
      },
    }),
    diskwipe: command({ description: 'x', run: async (ctx) => { await ctx.em.getConnection().execute('delete from disks_disks') } }),
    diskhelp: command({ description: 'x', audience: 'everyone', run: () => 'help' }),
  }),`),
  },
  order: { 'index.ts': manifest(`${disks}\n  setup: () => ({ at: 1 }),`) },
  settings: {
    'index.ts': manifest(
      `config: z.object({ mountPoint: z.string() }),\n  ${disks}`,
      "import { z } from 'zod'",
    ),
  },
} as const satisfies Record<string, Record<string, string>>

describe('opsgram check', () => {
  const reports = new Map<string, string>()
  let code = 0

  before(async function () {
    this.timeout(180_000)
    const root = freshFolder()
    const dirs = Object.entries(plugins).map(([name, files]) => {
      const dir = join(root, name, 'plugins/disks')
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(dir, file)), { recursive: true })
        writeFileSync(join(dir, file), text)
      }
      return dir
    })
    Reflect.set(globalThis, 'heldDisks', [])
    // all at once: reading the types of the core takes most of the time
    const run = await printed(() => checkCommand(dirs))
    code = run.code
    for (const part of run.text.split(/^(?=\S)/m)) {
      const name = part.split('\n')[0]?.split('/').at(-3) ?? ''
      reports.set(name, part)
    }
  })

  const says = (name: keyof typeof plugins, ...texts: string[]) => {
    for (const text of texts) expect(reports.get(name)).to.contain(text)
  }

  it('passes a plugin that is fit, wherever its folder lies', () => {
    says('fit', '✔ types', '✔ no conflicts with api, auth, ', '✔ loads and reloads')
    expect(reports.get('fit')).not.to.match(/[✖!]/)
  })

  it('shows the line of a syntax error', () => {
    says('syntax', '✖ does not load', 'OPS_PLUGIN_BUILD: plugins/disks/index.ts:6:', '> 6 | ')
  })

  it('shows the line of a type error', () => {
    says('type', "plugins/disks/index.ts:6:90  TS2339: Property 'nothing' does not exist")
  })

  it('names both sides of a conflict with a plugin of the project', () => {
    says('conflict', 'OPS_PLUGIN_CONFLICT: The command /help is declared by both start and disks')
  })

  it('names what a migration forgot', () => {
    says('migration', 'OPS_SCHEMA_BEHIND', 'column label is missing')
  })

  it('names migrations that break the version before: the statement, why, and the way out', () => {
    says(
      'breaking',
      '✖ migration 0002_bare breaks the version before, and is not marked',
      'plugins/disks/migrations/0002_bare.ts',
      'alter table disks_disks drop column label',
      'the version before still reads and writes column label',
      'alter column … drop not null',
      'Or mark it: static readonly breaking = true, with a down',
    )
    expect(reports.get('breaking')).not.to.contain('0001_disks')
  })

  it('names marks that are not needed, and downs that are missing or undo nothing', () => {
    says(
      'breaking',
      '! migration 0003_marked is marked breaking, and all it does is additive',
      '✖ migration 0003_marked is marked breaking and has no down',
      '✖ the down of migration 0004_odd doesn’t undo its up',
      'left over: column a of disks_disks integer not null',
    )
  })

  it('tells of indexes that writes wait for, and of tables that nobody would know for the plugin’s', () => {
    says(
      'breaking',
      '! migration 0005_index: writes to table disks_disks wait while the index is built',
      '! migration 0005_index makes table elsewhere',
      "tables: ['elsewhere']",
    )
  })

  it('names texts that one language lacks, plural forms aside', () => {
    says('texts', '✖ texts: ru.json lacks none\n')
  })

  it('names what a reload leaves behind', () => {
    says(
      'leftovers',
      'OPS_TEST_LEFTOVERS: Reloads leave behind: interval of disks, made at ',
      'plugins/disks/index.ts:7',
    )
  })

  it('names a plugin whose replaced code something else holds', () => {
    says('held', 'OPS_TEST_LEFTOVERS: Reloads leave behind: 3 replaced versions of disks in memory')
    says('held', 'Give it back in scope.onDispose')
    Reflect.deleteProperty(globalThis, 'heldDisks')
  })

  it('tells who gets in, and what of that may not be meant', () => {
    says('fit', '✔ access: whoever was let in: /disks\n')
    says(
      'access',
      '✔ access: strangers too: /diskhelp; whoever was let in: /diskwipe; by permission: disks.mute, disks.read, disks.purge\n',
      '! /diskwipe writes, and asks for no permission',
      '! /diskhelp is for everyone, in groups too',
      '! permission disks.purge guards nothing',
      '! guests hold disks.mute, by which /disks mute writes',
    )
    expect(reports.get('access')).not.to.match(/disks.read (guards|writes)/)
  })

  it('advises on keys whose types would not reach each other', () => {
    says('order', '! order of keys: `commands` stands before `setup`', '✔ loads and reloads')
  })

  it('says which settings it lacks, and checks the rest', () => {
    says('settings', 'DISKS_MOUNT_POINT', '✔ types')
  })

  it('ends with exit code 1 when one of them is not fit', () => {
    expect(code).to.equal(1)
  })

  it('refuses a path that is no folder', async () => {
    expect((await rejected(checkCommand(['nowhere']))).code).to.equal('OPS_CLI_USAGE')
    expect((await rejected(checkCommand([]))).code).to.equal('OPS_CLI_USAGE')
  })
})
