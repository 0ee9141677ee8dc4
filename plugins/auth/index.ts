import {
  Authenticator,
  Authorizer,
  buttons,
  Cards,
  Chats,
  definePlugin,
  duration,
  edit,
  message,
  Outbox,
  PersonalData,
  Plugins,
  Settings,
} from 'opsgram'
import { z } from 'zod'
import { auditScreen, showAudit } from './audit/show.ts'
import { eraseOf, exportOf, sendData } from './data/export.ts'
import { forget, forgetPreview } from './data/forget.ts'
import { lockDown, lockdownNow } from './gate/lockdown.ts'
import { changePerson, notFound } from './people/change.ts'
import { findPerson } from './people/find.ts'
import { listKeys, peopleKeys } from './people/keys.ts'
import { findPeople, listPeople } from './people/list.ts'
import { doneScreen, menuScreen, personScreen, shownPerson, sureScreen } from './people/screen.ts'
import { stateOf } from './people/state.ts'
import { recordRefusal } from './refusals.ts'
import { pressRequest } from './requests/press.ts'
import { whyOf } from './rights/asked.ts'
import { giveGrant, takeGrant } from './rights/give.ts'
import { showGrants } from './rights/list.ts'
import { addRole, listRoles, removeRole } from './rights/own-roles.ts'
import { givenRoles } from './roles.ts'
import { authConfig, openAuth } from './setup.ts'
import { listTokens, makeToken, revokeToken, showTokens } from './tokens/change.ts'

const who = z.string().meta({ placeholder: 'id|@name' })
const role = z.string().toLowerCase().meta({ placeholder: 'admin|operator|guest' })
const base = z
  .string()
  .toLowerCase()
  .pipe(z.enum(givenRoles))
  .meta({ placeholder: 'admin|operator|guest' })
const holder = z.string().meta({ placeholder: 'id|@name|role' })
const right = z.string().meta({ placeholder: 'worklog.write[@chat]' })
const personAct = z.object({ id: z.number(), act: z.string() })
const outcome = z.enum(['done', 'refused', 'failed', 'other'])
const status = z.enum(['active', 'pending', 'blocked'])

export default definePlugin({
  name: 'auth',
  version: '1.0.0',
  description: 'Who may use the bot: owners, roles, strangers',
  engine: '^1.0.0',
  config: authConfig,
  uses: {
    settings: Settings,
    plugins: Plugins,
    cards: Cards,
    outbox: Outbox,
    chats: Chats,
    personal: PersonalData,
  },
  permissions: {
    'auth.users': { description: 'See people, let them in, block them', roles: ['admin'] },
    'auth.grants': { description: 'Give people and roles single rights', roles: ['admin'] },
    'auth.tokens': { description: 'Make tokens of the HTTP API for oneself', roles: ['admin'] },
    'auth.data': {
      description: 'See all data of a person, and have them erased',
      roles: ['admin'],
    },
    'auth.audit': { description: 'See who did what', roles: ['admin'] },
    // what reaches everybody: owners alone, until they grant it
    'auth.roles': { description: 'Make roles and take them away', roles: [] },
    'auth.lockdown': { description: 'Freeze the bot for everybody but owners', roles: [] },
  },
  setup: openAuth,
  provides: { authenticator: Authenticator, authorizer: Authorizer },
  actions: ({ action }) => ({
    request: action({
      label: 'Request access',
      audience: 'everyone',
      run: (ctx) => pressRequest(ctx),
    }),
    page: action({
      label: 'More',
      data: z.object({ page: z.number().int().positive(), status: status.optional() }),
      permission: 'auth.users',
      async run(ctx, query) {
        const people = await listPeople(ctx.em, { status: undefined, ...query }, ctx)
        return edit(people.text, buttons(...listKeys(ctx, people, query.status)))
      },
    }),
    person: action({
      label: 'Person',
      data: z.object({ id: z.number() }),
      permission: 'auth.users',
      async run(ctx, { id }) {
        const [text, keys] = await personScreen(ctx, id)
        return edit(text, buttons(...keys))
      },
    }),
    menu: action({
      label: 'Choose',
      data: z.object({
        id: z.number(),
        of: z.enum(['role', 'add', 'time', 'rights', 'give', 'for']),
        page: z.number().int().positive().optional(),
        permission: z.string().optional(),
      }),
      permission: 'auth.users',
      run: (ctx, { id, of, page = 1, permission = '' }) =>
        menuScreen(ctx, { id, of, page, permission }),
    }),
    sure: action({
      label: 'Do it …',
      data: personAct,
      permission: 'auth.users',
      run: (ctx, { id, act }) => sureScreen(ctx, id, act),
    }),
    do: action({
      label: 'Yes',
      data: personAct,
      permission: 'auth.users',
      // a yes is to what was shown: not to be pressed again, nor after somebody else changed it
      fingerprint: (ctx, { id }) => stateOf(ctx.em, id),
      run: (ctx, { id, act }) => doneScreen(ctx, id, act),
    }),
    audit: action({
      label: 'More',
      data: z.object({
        actor: z.number().optional(),
        target: z.string().optional(),
        action: z.string().optional(),
        outcome: outcome.optional(),
        page: z.number().int().positive(),
      }),
      permission: 'auth.audit',
      run: async (ctx, query) => edit(...(await auditScreen(ctx, query))),
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
        const people = await listPeople(ctx.em, { page, status }, ctx)
        return message(people.text, buttons(...listKeys(ctx, people, status)))
      },
    })
    const find = command({
      description: 'People whose name or @name begins like this',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ text: z.string().min(1).max(64) }),
      async run(ctx, args) {
        const { text, people } = await findPeople(ctx.em, args.text, ctx)
        return message(text, buttons(...peopleKeys(ctx, people)))
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
        return shownPerson(ctx, found.person.telegramId)
      },
    })
    const add = command({
      description: 'Let a person in, by id or @name',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, role, name: z.string().max(64).optional() }),
      run: async (ctx, { person, role, name }) =>
        (await changePerson(ctx, ctx.plugin.owners, person, { kind: 'add', role, name })).text,
    })
    const giveRole = command({
      description: 'Give a person another role',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, role }),
      run: async (ctx, { person, role }) =>
        (await changePerson(ctx, ctx.plugin.owners, person, { kind: 'role', role })).text,
    })
    const block = command({
      description: 'Shut a person out',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, reason: z.string().max(200).optional() }),
      run: async (ctx, { person, reason }) =>
        (await changePerson(ctx, ctx.plugin.owners, person, { kind: 'block', reason })).text,
    })
    const unblock = command({
      description: 'End a block',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who }),
      run: async (ctx, args) =>
        (await changePerson(ctx, ctx.plugin.owners, args.person, { kind: 'unblock' })).text,
    })
    const until = command({
      description: 'Let access end after a time, or never',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, time: duration().optional() }),
      run: async (ctx, { person, time }) =>
        (await changePerson(ctx, ctx.plugin.owners, person, { kind: 'until', forMs: time })).text,
    })
    const subcommands = { find, until, list, show, add, role: giveRole, block, unblock }
    const why = command({
      description: 'Why a person may use a command, or may not',
      permission: 'auth.users',
      chats: 'private',
      args: z.object({ person: who, command: z.string() }),
      run: (ctx, args) => whyOf(ctx, args),
    })
    const give = (effect: 'allow' | 'deny', description: string) =>
      command({
        description,
        args: z.object({
          who: holder,
          what: right,
          for: duration().optional(),
          reason: z.string().max(200).optional(),
        }),
        run: (ctx, { who, what, reason, ...rest }) =>
          giveGrant(ctx, { who, what, effect, reason, forMs: rest.for }),
      })
    const grants = command({
      description: 'Single rights of people and roles',
      permission: 'auth.grants',
      chats: 'private',
      args: z.object({ who: holder.optional() }),
      run: (ctx, args) => showGrants(ctx, args.who),
      subcommands: {
        give: give('allow', 'Give a right to a person or a role'),
        deny: give('deny', 'Deny a right to a person or a role'),
        take: command({
          description: 'Take back what was given or denied',
          args: z.object({ id: z.string() }),
          run: (ctx, { id }) => takeGrant(ctx, id),
        }),
      },
    })
    const roles = command({
      description: 'Roles, and how many people have them',
      permission: 'auth.users',
      chats: 'private',
      run: (ctx) => listRoles(ctx.em, ctx.t),
      subcommands: {
        add: command({
          description: 'Make a role that begins with the rights of another one',
          permission: 'auth.roles',
          args: z.object({ name: z.string().toLowerCase(), base }),
          run: (ctx, { name, base }) => addRole(ctx, name, base),
        }),
        remove: command({
          description: 'Take a role away that nobody has',
          permission: 'auth.roles',
          args: z.object({ name: z.string().toLowerCase() }),
          run: (ctx, { name }) => removeRole(ctx, name),
        }),
      },
    })
    const audit = command({
      description: 'Who did what, and what was refused',
      permission: 'auth.audit',
      chats: 'private',
      args: z.object({
        who: who.optional(),
        action: z.string().optional(),
        outcome: outcome.optional(),
        target: z.string().optional(),
      }),
      run: (ctx, args) => showAudit(ctx, args),
    })
    const lockdown = command({
      description: 'Freeze the bot for everybody but owners',
      permission: 'auth.lockdown',
      chats: 'private',
      args: z.object({
        wish: z.enum(['on', 'off']).optional(),
        reason: z.string().max(200).optional(),
      }),
      run: (ctx, { wish, reason }) =>
        wish === undefined ? lockdownNow(ctx) : lockDown(ctx, wish, reason),
    })
    const token = command({
      description: 'Your tokens for the HTTP API',
      permission: 'auth.tokens',
      chats: 'private',
      run: (ctx) => listTokens(ctx, ctx.actor.telegramId),
      subcommands: {
        list: command({
          description: 'Tokens, yours or those of a person',
          args: z.object({ who: who.optional() }),
          run: (ctx, { who }) => showTokens(ctx, who),
        }),
        new: command({
          description: 'Make a token, which acts with your rights',
          args: z.object({
            name: z
              .string()
              .toLowerCase()
              .regex(/^[a-z0-9][a-z0-9._-]{0,31}$/),
            days: z.coerce.number().int().min(1).max(365).default(90),
          }),
          run: (ctx, args) => makeToken(ctx, args),
        }),
        revoke: command({
          description: 'Take a token away, by its name or id',
          args: z.object({ token: z.string() }),
          run: (ctx, args) => revokeToken(ctx, args.token),
        }),
      },
    })
    const mydata = command({
      description: 'All that I keep about you, as a file; of others for who may',
      chats: 'private',
      // it reads all that there is of a person
      rateLimit: { count: 6, perS: 600 },
      args: z.object({ person: who.optional() }),
      run: (ctx, { person }) => sendData(ctx, person),
    })
    const forgetting = command({
      description: 'Erase all that is kept about a person',
      permission: 'auth.data',
      chats: 'private',
      args: z.object({ person: who }),
      confirm: { preview: (ctx, { person }) => forgetPreview(ctx, person) },
      run: (ctx, { person }) => forget(ctx, person),
    })
    return {
      mydata,
      forget: forgetting,
      token,
      users: { ...list, description: 'Who may use the bot', subcommands },
      why,
      grants,
      roles,
      audit,
      lockdown,
    }
  },
  personalData: {
    export: (subject, { em }) => exportOf(em, subject),
    erase: (subject, { em }) => eraseOf(em, subject),
  },
})
