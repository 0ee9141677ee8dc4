import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { type TypeProblem, typeProblems } from '../../core/cli/types/types.ts'
import { freshFolder } from '../support/folders.ts'

/** A manifest that is right but for one key, which begins in line 11. */
const manifest = (
  key: string,
  roles = "'admin'",
) => `import { Authenticator, definePlugin, Plugins } from 'opsgram'
import { z } from 'zod'

export const tokens = { Authenticator }
export default definePlugin({
  name: 'disks',
  version: '1.0.0',
  config: z.object({ mountPoint: z.string() }),
  uses: { plugins: Plugins },
  permissions: { 'disks.write': { description: 'Write', roles: [${roles}] } },
  ${key}
})
`
const command = (definition: string) => `commands: ({ command }) => ({
    disks: command({ ${definition} }),
  }),`
const action = `actions: ({ action }) => ({
    undo: action({ label: 'Undo', data: z.object({ id: z.string() }), run: () => undefined }),
  }),
  `

/** What an author gets wrong, and what the editor must say: the first line, and the text it stands under. */
const mistakes = {
  'a permission that the manifest does not declare': {
    source: manifest(command("description: 'x', permission: 'disks.wirte', run: () => 'x'")),
    under: "permission: 'disks.wirte'",
    says: `TS2322: Type '"disks.wirte"' is not assignable to type '"disks.write"'.`,
  },
  'a question for such a permission': {
    source: manifest(command("description: 'x', run: (ctx) => String(ctx.can('disks.wirte'))")),
    under: "'disks.wirte'",
    says: `TS2345: Argument of type '"disks.wirte"' is not assignable to parameter of type '"disks.write"'.`,
  },
  'an action’s permission': {
    source: manifest(
      "actions: ({ action }) => ({ undo: action({ label: 'x', permission: 'disks.wirte', run: () => 'x' }) }),",
    ),
    under: "permission: 'disks.wirte'",
    says: `TS2322: Type '"disks.wirte"' is not assignable to type '"disks.write"'.`,
  },
  'a role that there is not': {
    source: manifest(command("description: 'x', run: () => 'x'"), "'owner'"),
    under: "'owner'",
    says: `TS2322: Type '"owner"' is not assignable to type 'DefaultRole'.`,
  },
  'button data of another type': {
    source: manifest(
      action + command("description: 'x', run: (ctx) => String(ctx.button('undo', { id: 1 }))"),
    ),
    under: 'id: 1',
    says: "TS2322: Type 'number' is not assignable to type 'string'.",
  },
  'a button without its data': {
    source: manifest(
      action + command("description: 'x', run: (ctx) => String(ctx.button('undo'))"),
    ),
    under: "button('undo')",
    says: 'TS2554: Expected 2-3 arguments, but got 1.',
  },
  'a button of no action': {
    source: manifest(
      action + command("description: 'x', run: (ctx) => String(ctx.button('redo', { id: '1' }))"),
    ),
    under: "'redo'",
    says: `TS2345: Argument of type '"redo"' is not assignable to parameter of type '"undo"'.`,
  },
  'a missing description': {
    source: manifest(command("run: () => 'x'")),
    under: "{ run: () => 'x' }",
    says: "TS2741: Property 'description' is missing in type '{ run: () => string; }' but required in type 'CommandDefinition<…>'.",
  },
  'an argument that the schema does not have': {
    source: manifest(
      command(
        "description: 'x', args: z.object({ days: z.number() }), run: (_, { day }) => String(day)",
      ),
    ),
    under: 'day }',
    says: "TS2339: Property 'day' does not exist on type '{ days: number; }'.",
  },
  'arguments without a schema': {
    source: manifest(command("description: 'x', run: (_, { days }) => String(days)")),
    under: 'days }',
    says: "TS2339: Property 'days' does not exist on type 'Nothing'.",
  },
  'an argument used as another type': {
    source: manifest(
      command(
        "description: 'x', args: z.object({ days: z.number() }), run: (_, { days }) => days.trim()",
      ),
    ),
    under: 'trim()',
    says: "TS2339: Property 'trim' does not exist on type 'number'.",
  },
  'a setting that config does not have': {
    source: manifest(command("description: 'x', run: (ctx) => ctx.config.mountpoint")),
    under: 'mountpoint',
    says: "TS2551: Property 'mountpoint' does not exist on type '{ mountPoint: string; }'. Did you mean 'mountPoint'?",
  },
  'a service that uses does not name': {
    source: manifest(command("description: 'x', run: (ctx) => String(ctx.use.plugin)")),
    under: 'plugin)',
    says: "TS2551: Property 'plugin' does not exist on type 'Used<…>'. Did you mean 'plugins'?",
  },
  'a key that there is not': {
    source: manifest('comands: () => ({}),'),
    under: 'comands',
    says: "TS2561: Object literal may only specify known properties, but 'comands' does not exist in type 'PluginDefinition<…>'. Did you mean to write 'commands'?",
  },
  'an event that there is not': {
    source: manifest("events: ({ event }) => [event('message:foto', () => undefined)],"),
    under: "'message:foto'",
    says: `TS2345: Argument of type '"message:foto"' is not assignable to parameter of type 'EventQuery'.`,
  },
  'a service that setup does not return': {
    source: manifest(
      'setup: () => ({ gate: 1 }),\n  provides: { authenticator: tokens.Authenticator },',
    ),
    under: 'authenticator: tokens',
    says: "TS2353: Object literal may only specify known properties, and 'authenticator' does not exist in type 'Provided<NoInfer<{ gate: number; }>>'.",
  },
  'a service of another type': {
    source: manifest(
      'setup: () => ({ gate: { authenticate: () => true } }),\n  provides: { gate: tokens.Authenticator },',
    ),
    under: 'gate: tokens',
    // the first line names the two sides, the last one says where they part
    says: "Type 'boolean' is not assignable to type 'Promise<Authentication>'.",
  },
} as const

describe('what the compiler says to authors', () => {
  let problems: readonly TypeProblem[] = []
  const folders = new Map<string, string>()

  before(async () => {
    const root = freshFolder()
    for (const [index, [mistake, { source }]] of Object.entries(mistakes).entries()) {
      const dir = join(root, `plugin${index}`)
      mkdirSync(dir)
      writeFileSync(join(dir, 'index.ts'), source)
      folders.set(mistake, dir)
    }
    // one program for all: the core's types are read once
    problems = (await typeProblems([...folders.values()])) ?? []
  })

  for (const [mistake, { source, under, says }] of Object.entries(mistakes)) {
    it(`names ${mistake}, at its place`, () => {
      const found = problems.find(
        ({ file }) => file === join(folders.get(mistake) ?? '', 'index.ts'),
      )
      expect(found?.text).to.be.a('string')
      const lines = (found?.text ?? '').split('\n').map((line) => line.trim())
      expect(says.startsWith('TS') ? lines[0] : lines.at(-1)).to.equal(says)
      const { line = 0, column = 0 } = found ?? {}
      expect(source.split('\n')[line - 1]?.slice(column - 1)).to.satisfy((text: string) =>
        text.startsWith(under),
      )
    })
  }
})
