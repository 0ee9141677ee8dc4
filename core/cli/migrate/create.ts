import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { coreEntities } from '../../database/entities/index.ts'
import { type Drift, driftOf } from '../../database/migration/drift.ts'
import { migrate } from '../../database/migration/migrator.ts'
import { SchemaReview } from '../../database/sql/review.ts'
import { statementsOf } from '../../database/sql/statement.ts'
import { OpsError } from '../../errors.ts'
import type { PluginFolder } from '../../plugin/code/folder.ts'
import { readPlugin } from '../plugins.ts'
import { pathFromHere } from '../print.ts'
import { configuredRoots } from '../roots.ts'
import { withScratch } from '../scratch.ts'
import { meantPlugin } from './sets.ts'

/**
 * `opsgram migrate create`: writes the next migration of a plugin: what its entities need and its migrations don't
 * make yet, else an empty one. It looks at a scratch database, never at the configured one.
 */
export async function createCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { plugin: { type: 'string' } },
  })
  const name = fileNameOf(positionals)
  const roots = configuredRoots()
  const folder = await meantPlugin(roots, values.plugin)
  const drift = await driftIn(folder, roots)
  const file = await write(folder, name, drift)
  console.log(
    `${pathFromHere(file)} is written${drift.up.length === 0 ? ', and has to be filled' : ''}.`,
  )
  if (isBreaking(drift.up)) {
    console.log(
      'It is marked breaking: read docs/migrations.md for the steps that no version has to wait for.',
    )
  }
  return 0
}

function fileNameOf(words: readonly string[]): string {
  const name = words
    .join('_')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
  if (name !== '') return name
  throw new OpsError('OPS_CLI_USAGE', 'A name for the migration is missing', {
    hint: 'Say what it does: opsgram migrate create add colour',
  })
}

async function driftIn(folder: PluginFolder, roots: readonly string[]): Promise<Drift> {
  const { evaluated, declaration } = await readPlugin(folder, roots)
  if (declaration.entities.length === 0) return { up: [], down: [] }
  return withScratch(async (database) => {
    const set = { owner: folder.name, migrations: evaluated.migrations }
    await migrate(database, set, { during: 'maintenance' })
    return driftOf(database, [...coreEntities, ...declaration.entities], {
      plugin: folder.name,
      tables: declaration.tables,
    })
  })
}

async function write(folder: PluginFolder, name: string, drift: Drift): Promise<string> {
  const dir = join(folder.dir, 'migrations')
  await mkdir(dir, { recursive: true })
  const numbers = (await readdir(dir)).map((file) => Number(/^(\d+)_/.exec(file)?.[1] ?? 0))
  const number = String(Math.max(0, ...numbers) + 1).padStart(4, '0')
  const file = join(dir, `${number}_${name}.ts`)
  await writeFile(file, textOf(`${number}_${name}`, drift), { flag: 'wx' })
  return file
}

function textOf(name: string, { up, down }: Drift): string {
  const words = name.split('_').slice(1)
  // a class can't begin with a digit
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  const className = /^\d/.test(joined) ? `Migration${joined}` : joined
  const isEmpty = up.length === 0
  const lines = [
    "import { Migration } from '@mikro-orm/migrations'",
    '',
    `export default class ${className} extends Migration {`,
    ...(isBreaking(up)
      ? [
          '  /** Code that was written before can’t live with it: updates of the plugin wait while it runs. */',
          '  static readonly breaking = true',
          '',
        ]
      : []),
    '  override up(): void {',
    ...(isEmpty
      ? [
          '    // so that a running bot doesn’t take it for written',
          `    throw new Error('${name} is not written yet')`,
          "    // this.addSql('…')",
        ]
      : up.map((sql) => `    this.addSql(${quoted(sql)})`)),
    '  }',
    '',
    '  override down(): void {',
    ...(isEmpty
      ? [
          '    // what undoes it, for `opsgram migrate redo` and for a breaking one that doesn’t come up',
        ]
      : down.map((sql) => `    this.addSql(${quoted(sql)})`)),
    '  }',
    '}',
    '',
  ]
  return lines.join('\n')
}

function isBreaking(up: readonly string[]): boolean {
  const review = new SchemaReview()
  return up
    .flatMap((sql) => statementsOf(sql))
    .some((statement) => review.judge(statement).kind === 'breaking')
}

function quoted(sql: string): string {
  if (!/['\\\n]/.test(sql)) return `'${sql}'`
  return `\`${sql.replace(/[\\`]|\$\{/g, (found) => `\\${found}`)}\``
}
