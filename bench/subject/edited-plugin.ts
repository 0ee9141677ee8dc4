import path from 'node:path'
import type { Files } from './folder.ts'
import { writeFiles } from './folder.ts'

/** The plugin that a benchmark saves again and again: 8 files with zod, two locales; with an entity if asked for. */
export class EditedPlugin {
  readonly name: string
  readonly #root: string

  /** @param root folder of plugin folders */
  constructor(root: string, options: { name: string; entity: boolean }) {
    this.name = options.name
    this.#root = root
    writeFiles(path.join(root, options.name), filesOf(options.name, options.entity))
  }

  /** Saves one of its files, two imports deep, so that `/<name>` answers `answer <version>`. */
  save(version: number): void {
    writeFiles(path.join(this.#root, this.name), { 'part3.ts': part(3, version) })
  }
}

const parts = 6

function filesOf(name: string, entity: boolean): Files {
  const files: Record<string, string> = {
    'index.ts': index(name, entity),
    'deep.ts': Array.from({ length: parts }, (_, i) => `export * from './part${i + 1}.ts'`).join(
      '\n',
    ),
    'locales/en.json': JSON.stringify({ answer: 'answer {{version}}' }),
    'locales/ru.json': JSON.stringify({ answer: 'ответ {{version}}' }),
  }
  for (let i = 1; i <= parts; i++) files[`part${i}.ts`] = part(i, 0)
  if (entity) {
    files['entities.ts'] = entities(name)
    files['migrations/0001_notes.ts'] = migration(name)
  }
  return files
}

/** About 80 lines with a schema and functions that use it. */
function part(number: number, version: number): string {
  const functions = Array.from(
    { length: 12 },
    (_, i) => `
export async function work${number}x${i}(input: unknown): Promise<string> {
  const parsed = schema${number}.safeParse(input)
  if (!parsed.success) throw new Error('bad ${i}')
  const { id, text } = parsed.data
  return text + id + ${i}
}`,
  )
  return `import { z } from 'zod'

export const version${number} = ${version}
export const schema${number} = z.object({ id: z.number(), text: z.string().min(1) })
${functions.join('\n')}
`
}

function index(name: string, entity: boolean): string {
  return `import { definePlugin } from 'opsgram'
import { EventEmitter } from 'node:events'
import { z } from 'zod'
import * as deep from './deep.ts'
${entity ? "import { Note } from './entities.ts'\n" : ''}

const bus = new EventEmitter()
// which versions can still be reached
const instance = { name: '${name}' }
const known = (globalThis.opsgramInstances ??= new Map())
known.set('${name}', [...(known.get('${name}') ?? []), new WeakRef(instance)].filter((ref) => ref.deref()))

export default definePlugin({
  name: '${name}',
  version: '1.0.0',
  config: z.object({ limit: z.coerce.number().default(10) }),
  permissions: { '${name}.use': { description: 'Use it', roles: ['operator'] } },
  ${entity ? 'entities: [Note],' : ''}
  setup(scope) {
    const { config } = scope
    scope.interval(1_000, () => instance.name)
    scope.timeout(60_000, () => instance.name)
    scope.listen(bus, 'rung', () => instance.name)
    scope.onDispose(() => instance.name)
    return { limit: config.limit, parts: Object.keys(deep).length, instance }
  },
  middleware: ({ middleware }) => [middleware({ phase: 'context', run: (_ctx, next) => next() })],
  commands: ({ command }) => ({
    ${name}: command({
      description: 'Tells the version',
      permission: '${name}.use',
      args: z.object({ word: z.string().optional() }),
      run: (ctx) => ctx.t('answer', { version: deep.version3 }),
    }),
  }),
})
`
}

function entities(name: string): string {
  return `import { defineEntity, p } from '@mikro-orm/core'
import { BotUser, ulid } from 'opsgram'

const schema = defineEntity({
  name: 'Note_${name}',
  tableName: '${name}_notes',
  properties: {
    id: p.string().length(26).primary().onCreate(() => ulid()),
    author: () => p.manyToOne(BotUser),
    text: p.text(),
    createdAt: p.datetime().onCreate(() => new Date()),
    version: p.integer().version(),
  },
})

export class Note extends schema.class {}

schema.setClass(Note)
`
}

function migration(name: string): string {
  return `import { Migration } from '@mikro-orm/migrations'

export default class Notes extends Migration {
  override up(): void {
    this.addSql(\`
      create table ${name}_notes (
        id varchar(26) primary key,
        author_id varchar(26) not null references bot_users (id),
        text text not null,
        created_at timestamptz not null default now(),
        version int not null default 1
      )\`)
    this.addSql('create index ${name}_notes_author on ${name}_notes (author_id)')
  }
}
`
}
