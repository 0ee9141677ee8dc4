import { Authenticator, Authorizer, buttons, definePlugin, edit, message, Settings } from 'opsgram'
import { z } from 'zod'
import { createAuthenticator } from './gate/authenticator.ts'
import { authorizer } from './gate/authorizer.ts'
import { Owners } from './gate/owners.ts'
import { Profiles } from './gate/profile.ts'
import { Strangers } from './gate/strangers.ts'
import { cardOf } from './people/card.ts'
import { changePerson, notFound } from './people/change.ts'
import { findPerson } from './people/find.ts'
import { listPeople, turnsOf } from './people/list.ts'
import { recordRefusal } from './refusals.ts'
import { roles } from './roles.ts'

const who = z.string().meta({ placeholder: 'id|@name' })
const role = z
  .string()
  .toLowerCase()
  .meta({ placeholder: 'admin|operator|guest' })
  .pipe(z.enum(roles))
const status = z.enum(['active', 'pending', 'blocked'])

export default definePlugin({
  name: 'auth',
  version: '1.0.0',
  description: 'Who may use the bot: owners, roles, strangers',
  engine: '^1.0.0',
  config: z.object({ blockAfter: z.coerce.number().int().min(1).max(1000).default(5) }),
  uses: { settings: Settings },
  permissions: {
    'auth.users': { description: 'See people, let them in, block them', roles: ['admin'] },
  },
  async setup(scope) {
    const { log, config } = scope
    const em = () => scope.em()
    const owners = new Owners({ ids: scope.use.settings.ownerIds, em, log })
    await owners.sync()
    const profiles = new Profiles({ em, log })
    scope.onDispose(() => profiles.idle())
    const texts = (language?: string) => scope.texts(language)
    const strangers = new Strangers({ em, blockAfter: config.blockAfter, texts, log })
    return {
      authenticator: createAuthenticator({ em, owners, strangers, profiles }),
      authorizer,
      owners,
      em,
    }
  },
  provides: { authenticator: Authenticator, authorizer: Authorizer },
  actions: ({ action }) => ({
    page: action({
      label: 'More',
      data: z.object({ page: z.number().int().positive(), status: status.optional() }),
      permission: 'auth.users',
      async run(ctx, { page, status }) {
        const people = await listPeople(
          ctx.em,
          { page, status },
          { t: ctx.t, language: ctx.actor.language },
        )
        const keys = turnsOf(people).map(({ label, page }) =>
          ctx.button('page', { page, status }, { label }),
        )
        return edit(people.text, buttons(keys))
      },
    }),
  }),
  middleware: ({ middleware }) => [
    middleware({
      phase: 'observe',
      async run(ctx, next) {
        await next()
        const { refused } = ctx.outcome
        if (ctx.actor.kind !== 'user') return
        if (refused !== 'permission' && refused !== 'unapproved') return
        await recordRefusal(ctx, ctx.actor, { em: ctx.plugin.em(), log: ctx.log })
      },
    }),
  ],
  commands: ({ command }) => {
    const list = command({
      description: 'People with role, status and when they were last seen',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ status: status.optional(), page: z.number().int().positive().default(1) }),
      async run(ctx, { status, page }) {
        const people = await listPeople(
          ctx.em,
          { page, status },
          { t: ctx.t, language: ctx.actor.language },
        )
        const keys = turnsOf(people).map(({ label, page }) =>
          ctx.button('page', { page, status }, { label }),
        )
        return keys.length === 0 ? people.text : message(people.text, buttons(keys))
      },
    })
    const show = command({
      description: 'All that is on record about a person',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who }),
      async run(ctx, args) {
        const found = await findPerson(ctx.em, args.person)
        if (found.kind !== 'person') return notFound(found, args.person, ctx.t)
        return cardOf(found.person, { t: ctx.t, language: ctx.actor.language })
      },
    })
    const add = command({
      description: 'Let a person in, by id or @name',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, role, name: z.string().max(64).optional() }),
      run: (ctx, { person, role, name }) =>
        changePerson(ctx, ctx.plugin.owners, person, { kind: 'add', role, name }),
    })
    const giveRole = command({
      description: 'Give a person another role',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, role }),
      run: (ctx, { person, role }) =>
        changePerson(ctx, ctx.plugin.owners, person, { kind: 'role', role }),
    })
    const block = command({
      description: 'Shut a person out',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, reason: z.string().max(200).optional() }),
      run: (ctx, { person, reason }) =>
        changePerson(ctx, ctx.plugin.owners, person, { kind: 'block', reason }),
    })
    const unblock = command({
      description: 'End a block',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who }),
      run: (ctx, args) => changePerson(ctx, ctx.plugin.owners, args.person, { kind: 'unblock' }),
    })
    const subcommands = { list, show, add, role: giveRole, block, unblock }
    return { users: { ...list, description: 'Who may use the bot', subcommands } }
  },
})
