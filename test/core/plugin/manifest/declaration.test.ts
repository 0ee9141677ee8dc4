import { expect } from 'chai'
import { z } from 'zod'
import { OpsError } from '../../../../core/errors.ts'
import { definePlugin } from '../../../../core/index.ts'
import { readDeclaration } from '../../../../core/plugin/manifest/declaration.ts'

function read(exported: unknown, name = 'sample') {
  return readDeclaration({
    name,
    exports: { default: exported },
    locales: {},
    defaultLanguage: 'en',
    coreVersion: '1.2.3',
    reservedNames: new Set(['http']),
  })
}

function refused(exported: unknown, name?: string): OpsError {
  try {
    read(exported, name)
  } catch (error) {
    if (error instanceof OpsError) return error
    throw error
  }
  throw new Error('the manifest was accepted')
}

/** A manifest as plain JavaScript could write it, past all types. */
function manifest(definition: object): unknown {
  return { kind: 'manifest', definition: { name: 'sample', version: '1.0.0', ...definition } }
}

type Kit = Record<string, (...definition: unknown[]) => unknown>

describe('a manifest', () => {
  it('is read with its defaults filled in', () => {
    const declaration = read(
      definePlugin({
        name: 'sample',
        version: '1.0.0',
        permissions: { 'sample.do': { description: 'Do', roles: ['admin'] } },
        commands: ({ command }) => ({
          go: command({ description: 'Go', permission: 'sample.do', run: () => undefined }),
        }),
      }),
    )
    expect(declaration.commands.get('go')).to.include({ permission: 'sample.do' })
    expect(declaration.permissions).to.deep.equal([
      { name: 'sample.do', plugin: 'sample', description: 'Do', roles: ['admin'] },
    ])
    expect(declaration.texts.in('ru')('commands.go.description')).to.equal('Go')
  })

  it('gives subcommands the permission and the chats of their command, unless they have their own', () => {
    const declaration = read(
      definePlugin({
        name: 'sample',
        version: '1.0.0',
        permissions: {
          'sample.see': { description: 'See', roles: ['admin'] },
          'sample.do': { description: 'Do', roles: [] },
        },
        commands: ({ command }) => ({
          go: command({
            description: 'Go',
            permission: 'sample.see',
            chats: 'private',
            subcommands: {
              far: command({ description: 'Far', run: () => undefined }),
              away: command({
                description: 'Away',
                permission: 'sample.do',
                chats: 'any',
                run: () => undefined,
              }),
            },
          }),
        }),
      }),
    )
    const { far, away } = declaration.commands.get('go')?.subcommands ?? {}
    expect(far).to.include({ permission: 'sample.see', chats: 'private' })
    expect(away).to.include({ permission: 'sample.do', chats: 'any' })
  })

  it('must be what definePlugin returns', () => {
    for (const exported of [undefined, null, 5, {}, () => 1, { default: 1 }]) {
      expect(refused(exported).code).to.equal('OPS_PLUGIN_MANIFEST')
    }
    expect(refused(undefined).message).to.include('default-export')
  })

  it('is refused with the key that is wrong, and the one that was meant', () => {
    const typo = refused(manifest({ comands: () => ({}) }))
    expect(typo.message).to.include('"comands"')
    expect(typo.hint).to.include('"commands"')
    expect(refused(manifest({ version: 'one' })).message).to.include('version')
    expect(refused(manifest({ entities: [5] })).message).to.include('entities')
    expect(refused(manifest({ config: { a: 1 } })).message).to.include('z.object')
  })

  it('passes over no misspelt key in any of its parts', () => {
    const run = () => undefined
    const state = z.object({ day: z.iso.date() })
    const dialog = { version: 1, state, steps: { day: { ask: run } }, finish: run }
    for (const [part, what, meant] of [
      [
        {
          commands: ({ command }: Kit) => ({
            go: command?.({ description: 'x', permision: 'a', run }),
          }),
        },
        '/go has an unknown key "permision"',
        'permission',
      ],
      [
        {
          commands: ({ command }: Kit) => ({
            go: command?.({ description: 'x', run, confirm: { preview: run, withinMs: 5 } }),
          }),
        },
        'confirm of /go has an unknown key "withinMs"',
        'withinS',
      ],
      [
        { actions: ({ action }: Kit) => ({ go: action?.({ label: 'x', run, confirm: run }) }) },
        'the action go has an unknown key "confirm"',
        'permission',
      ],
      [
        { events: ({ event }: Kit) => [event?.('message', { run, audiense: 'everyone' })] },
        'the event message has an unknown key "audiense"',
        'audience',
      ],
      [
        { health: ({ check }: Kit) => ({ go: check?.({ run, critcal: true }) }) },
        'the health check go has an unknown key "critcal"',
        'critical',
      ],
      [
        {
          middleware: ({ middleware }: Kit) => [
            middleware?.({ phase: 'context', run, audiance: 1 }),
          ],
        },
        'context middleware has an unknown key "audiance"',
        'audience',
      ],
      [
        { dialogs: ({ dialog: make }: Kit) => ({ go: make?.({ ...dialog, permision: 'a' }) }) },
        'the dialog go has an unknown key "permision"',
        'permission',
      ],
      [
        { jobs: ({ job }: Kit) => ({ go: job?.({ run, kron: '0 4 * * *' }) }) },
        'the job go has an unknown key "kron"',
        'cron',
      ],
      [{ session: { version: 1, stat: state } }, 'session has an unknown key "stat"', 'state'],
    ] as const) {
      const wrong = refused(manifest(part))
      expect(wrong.message).to.include(what)
      expect(wrong.hint).to.include(meant)
    }
    const step = {
      dialogs: ({ dialog: make }: Kit) => ({
        go: make?.({ ...dialog, steps: { day: { ask: run, nxt: run } } }),
      }),
    }
    expect(refused(manifest(step)).message).to.include(
      'steps.day of the dialog go has an unknown key "nxt"',
    )
  })

  it('carries the name of its folder, and no reserved one', () => {
    const other = refused(manifest({}), 'another')
    expect(other.code).to.equal('OPS_PLUGIN_NAME')
    expect(other.message).to.include('another').and.include('sample')
    expect(refused(manifest({ name: 'http' }), 'http').message).to.include('reserved')
    expect(refused(manifest({ name: 'Bad-Name' }), 'Bad-Name').code).to.equal('OPS_PLUGIN_MANIFEST')
  })

  it('is refused when it is written for another core', () => {
    expect(refused(manifest({ engine: '^2.0.0' })).code).to.equal('OPS_PLUGIN_ENGINE')
    expect(() => read(manifest({ engine: '^1.0.0' }))).not.to.throw()
  })

  it('names a command that is wrong', () => {
    const commands = (make: (kit: Kit) => object) => refused(manifest({ commands: make })).message
    expect(commands(({ command }) => ({ go: command?.({ run: () => 1 }) }))).to.include('/go')
    expect(commands(({ command }) => ({ go: command?.({ description: 'x' }) }))).to.include('run')
    expect(
      commands(({ command }) => ({ 'Go-Now': command?.({ description: 'x', run: () => 1 }) })),
    ).to.include('/Go-Now')
    expect(commands(() => ({ go: { description: 'x' } }))).to.include('command(…)')
    expect(
      commands(({ command }) => ({
        go: command?.({ description: 'x', run: () => 1, args: { a: z.string() } }),
      })),
    ).to.include('z.object')
    const sub = (name: string) =>
      commands(({ command }) => ({
        go: command?.({
          description: 'x',
          subcommands: { [name]: command({ description: 'y', run: () => 1 }) },
        }),
      }))
    expect(sub('Far')).to.include('/go Far')
    expect(sub('description')).to.include('locale key')
    const boom = () => {
      throw new Error('boom')
    }
    expect(commands(boom)).to.include('boom')
    expect(refused(manifest({ telegraf: boom })).message).to.include('telegraf(…) threw: boom')
  })

  it('knows only permissions that it declares itself, named after itself', () => {
    const permissions = { 'sample.write': { description: 'Write', roles: [] } }
    const wrong = refused(
      manifest({
        permissions,
        commands: ({ command }: Kit) => ({
          go: command?.({ description: 'x', permission: 'sample.wirte', run: () => 1 }),
        }),
      }),
    )
    expect(wrong.message).to.include('Did you mean "sample.write"')
    const foreign = refused(
      manifest({ permissions: { 'auth.users': { description: 'x', roles: [] } } }),
    )
    expect(foreign.message).to.include('"sample."')
  })
})
