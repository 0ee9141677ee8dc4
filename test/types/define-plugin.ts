// Compiled by `npm run check`, never run: what a plugin author's editor shows is a promise too.
import {
  Authenticator,
  Authorizer,
  bearer,
  buttons,
  definePlugin,
  duration,
  edit,
  message,
  Plugins,
  Settings,
} from 'opsgram'
import { z } from 'zod'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function holds<_T extends true>(): void {}

export default definePlugin({
  name: 'worklog',
  version: '1.2.0',
  config: z.object({
    spreadsheetId: z.string().optional(),
    quietAfterH: z.coerce.number().default(18),
  }),
  uses: { plugins: Plugins, settings: Settings },
  permissions: {
    'worklog.write': { description: 'Add and edit own entries', roles: ['admin', 'operator'] },
    'worklog.delete': { description: 'Delete entries', roles: ['admin'] },
  },
  async setup(scope) {
    holds<Equal<typeof scope.config, { spreadsheetId?: string | undefined; quietAfterH: number }>>()
    holds<Equal<typeof scope.use.settings.ownerIds, readonly number[]>>()
    return { started: new Date(), names: ['a'] }
  },
  actions: ({ action }) => ({
    undo: action({
      label: 'Undo',
      data: z.object({ id: z.string(), times: z.number().default(1) }),
      permission: 'worklog.write',
      run(ctx, data) {
        holds<Equal<typeof data, { id: string; times: number }>>()
        holds<Equal<typeof ctx.plugin.names, string[]>>()
        holds<Equal<typeof ctx.callbackQuery.id, string>>()
        return edit('gone')
      },
    }),
    refresh: action({ label: 'Refresh', run: () => undefined }),
    rate: action({
      label: 'Rate',
      data: z.object({ stars: z.int() }),
      audience: 'everyone',
      run(ctx, { stars }) {
        holds<Equal<typeof stars, number>>()
        holds<Equal<typeof ctx.actor.kind, 'user' | 'stranger' | 'chat' | 'none'>>()
        // @ts-expect-error only users have a role
        ctx.actor.role
      },
    }),
    both: action({
      label: 'x',
      audience: 'everyone',
      // @ts-expect-error whom nobody knows holds no permission
      permission: 'worklog.write',
      run: () => undefined,
    }),
    // @ts-expect-error a permission that the manifest doesn't declare
    wrong: action({ label: 'x', permission: 'worklog.read', run: () => undefined }),
  }),
  jobs: ({ job }) => ({
    push: job({
      data: z.object({ id: z.string(), times: z.number().default(1) }),
      permission: 'worklog.write',
      run(ctx, data) {
        holds<Equal<typeof data, { id: string; times: number }>>()
        holds<Equal<typeof ctx.plugin.names, string[]>>()
        holds<Equal<typeof ctx.use.settings.ownerIds, readonly number[]>>()
        // only a person who is still there
        holds<Equal<Extract<typeof ctx.actor, undefined>, undefined>>()
        // @ts-expect-error a job answers nobody
        ctx.reply('done')
      },
    }),
    nightly: job({ cron: '0 3 * * *', run: () => undefined }),
    // @ts-expect-error a permission that the manifest doesn't declare
    wrong: job({ permission: 'worklog.read', run: () => undefined }),
  }),
  middleware: ({ middleware }) => [
    middleware({
      phase: 'observe',
      run: async (ctx, next) => {
        holds<Equal<typeof ctx.actor.kind, 'user' | 'stranger' | 'chat' | 'none'>>()
        await next()
      },
    }),
    middleware({
      phase: 'context',
      run: async (ctx, next) => {
        holds<Equal<typeof ctx.actor.kind, 'user'>>()
        await next()
      },
    }),
    middleware({
      phase: 'throttle',
      audience: 'everyone',
      run: async (ctx, next) => {
        holds<Equal<typeof ctx.actor.kind, 'user' | 'stranger' | 'chat' | 'none'>>()
        await next()
      },
    }),
  ],
  commands: ({ command }) => ({
    log: command({
      description: 'Write down work done',
      permission: 'worklog.write',
      chats: 'any',
      args: z.object({ duration: duration(), text: z.string().min(3) }),
      run(ctx, args) {
        holds<Equal<typeof args, { duration: number; text: string }>>()
        holds<Equal<typeof ctx.config.quietAfterH, number>>()
        holds<Equal<typeof ctx.plugin.started, Date>>()
        holds<Equal<typeof ctx.actor.telegramId, number>>()
        holds<Equal<typeof ctx.message.message_id, number>>()
        holds<Equal<typeof ctx.chat.id, number>>()
        const { generation } = ctx.use.plugins
        holds<Equal<typeof generation, number>>()
        ctx.can('worklog.delete')
        // @ts-expect-error not a permission of this plugin
        ctx.can('worklog.purge')
        ctx.notify(ctx.chat.id, 'text', { urgent: true, ifUnsure: 'mark' })
        ctx.notify(
          { chatId: 1, threadId: 2 },
          message('text', buttons(ctx.button('undo', { id: '1' }))),
        )
        // @ts-expect-error a name is no target: Telegram gives no private chat by it
        ctx.notify('@ann', 'text')
        holds<Equal<typeof ctx.operationId, string>>()
        const locked = ctx.transactional(async (em) => em.isInTransaction())
        holds<Equal<typeof locked, Promise<boolean>>>()
        // @ts-expect-error no such action
        ctx.button('redo', { id: '1' })
        // @ts-expect-error the action's data wants a string
        ctx.button('undo', { id: 1 })
        // @ts-expect-error the action asks for data
        ctx.button('undo')
        ctx.button('refresh')
        ctx.enqueue('push', { id: '1' }, { afterMs: 1_000 })
        ctx.enqueue('nightly')
        // @ts-expect-error no such job
        ctx.enqueue('pull', { id: '1' })
        // @ts-expect-error the job's data wants a string
        ctx.enqueue('push', { id: 1 })
        // @ts-expect-error the job asks for data
        ctx.enqueue('push')
        ctx.button('refresh', {}, { anyone: true })
        return message(ctx.t('saved', { id: 1 }), buttons(ctx.button('undo', { id: '1' })))
      },
    }),
    worklog: command({
      description: 'The journal',
      subcommands: {
        list: command({
          description: 'List',
          args: z.object({ days: z.number().int().default(7) }),
          run: (_ctx, { days }) => {
            holds<Equal<typeof days, number>>()
          },
        }),
      },
    }),
    status: command({
      description: 'Is it up',
      audience: 'everyone',
      args: z.object({ host: z.string() }),
      run(ctx, { host }) {
        holds<Equal<typeof host, string>>()
        holds<Equal<typeof ctx.message.message_id, number>>()
        holds<Equal<typeof ctx.plugin.names, string[]>>()
        if (ctx.actor.kind === 'user') return ctx.actor.name
        // @ts-expect-error a stranger has no name
        return ctx.actor.name
      },
    }),
    // @ts-expect-error no description
    bare: command({ run: () => 'x' }),
  }),
  events: ({ event }) => [
    event('message:photo', (ctx) => {
      holds<Equal<typeof ctx.message.photo.length, number>>()
    }),
    event('my_chat_member', {
      permission: 'worklog.write',
      run: (ctx) => {
        holds<Equal<typeof ctx.myChatMember.chat.id, number>>()
      },
    }),
    event('chat_member', {
      audience: 'everyone',
      run: (ctx) => {
        holds<Equal<typeof ctx.actor.kind, 'user' | 'stranger' | 'chat' | 'none'>>()
        holds<Equal<typeof ctx.chatMember.chat.id, number>>()
      },
    }),
    // @ts-expect-error no such kind
    event('messages', () => undefined),
  ],
  health: ({ check }) => ({
    names: check(async (plugin, signal) => {
      holds<Equal<typeof plugin.names, string[]>>()
      holds<Equal<typeof signal, AbortSignal>>()
    }),
    started: check({
      critical: true,
      run: ({ started }) =>
        started > new Date() ? { status: 'down', detail: 'later' } : undefined,
    }),
    // @ts-expect-error neither nothing nor a report: nobody could say what a number means
    number: check((plugin) => plugin.names.length),
  }),
  telegraf: (composer) => {
    composer.on('sticker', (ctx) => ctx.reply(ctx.actor.name))
  },
})

// what `provides` names is one of setup's results, of the token's type, also when setup is async and takes its scope
definePlugin({
  name: 'gate',
  version: '1.0.0',
  config: z.object({ limit: z.coerce.number().default(5) }),
  async setup(scope) {
    holds<Equal<typeof scope.config.limit, number>>()
    return { authorizer: { permissionsOf: async () => () => false }, other: 1 }
  },
  provides: {
    authorizer: Authorizer,
    // @ts-expect-error a number authenticates nobody
    other: Authenticator,
  },
  commands: ({ command }) => ({
    x: command({ description: 'x', run: (ctx) => holds<Equal<typeof ctx.plugin.other, number>>() }),
  }),
})

definePlugin({
  name: 'gate',
  version: '1.0.0',
  setup: (scope) => ({ since: scope.plugin }),
  provides: {
    // @ts-expect-error setup returns no such thing
    missing: Authenticator,
  },
})

// a dialog's steps know their own key, and what may have been answered before them
definePlugin({
  name: 'asks',
  version: '1.0.0',
  permissions: { 'asks.it': { description: 'x', roles: ['admin'] } },
  dialogs: ({ dialog }) => ({
    add: dialog({
      version: 1,
      permission: 'asks.it',
      state: z.object({ host: z.string(), hours: z.number().default(1), by: z.number() }),
      start: 'hours',
      steps: {
        host: {
          ask(_ctx, state) {
            holds<Equal<typeof state.hours, number | undefined>>()
            return 'Which?'
          },
          // @ts-expect-error a host is a text
          choices: () => [{ label: 'x', value: 1 }],
        },
      },
      finish(ctx, state) {
        holds<Equal<typeof state, { host: string; hours: number; by: number }>>()
        holds<Equal<typeof ctx.actor.role, string>>()
      },
    }),
  }),
  commands: ({ command }) => ({
    add: command({
      description: 'x',
      run(ctx) {
        ctx.begin('add', { by: 1 })
        // @ts-expect-error a number is wanted
        ctx.begin('add', { by: 'x' })
        // @ts-expect-error no such dialog
        ctx.begin('added')
      },
    }),
  }),
})

// a session is typed by its state; without one there is none
definePlugin({
  name: 'remembers',
  version: '1.0.0',
  session: { version: 1, state: z.object({ sort: z.enum(['a', 'b']).default('a') }) },
  actions: ({ action }) => ({
    x: action({
      label: 'x',
      run: async (ctx) =>
        holds<Equal<Awaited<ReturnType<typeof ctx.session.get>>, { sort: 'a' | 'b' }>>(),
    }),
  }),
  commands: ({ command }) => ({
    x: command({
      description: 'x',
      async run(ctx) {
        await ctx.session.set({ sort: 'b' })
        // @ts-expect-error no such order
        await ctx.session.set({ sort: 'c' })
      },
    }),
  }),
})
definePlugin({
  name: 'forgets',
  version: '1.0.0',
  commands: ({ command }) => ({
    // @ts-expect-error it has none
    x: command({ description: 'x', run: (ctx) => ctx.session.get() }),
  }),
})

// what begins no dialog may stand before them
definePlugin({
  name: 'early',
  version: '1.0.0',
  jobs: ({ job }) => ({
    push: job({ data: z.object({ host: z.string() }), run: () => undefined }),
  }),
  hooks: ({ hook }) => ({
    x: hook({
      verify: bearer(),
      secret: () => 'x',
      run: (ctx) => {
        ctx.enqueue('push', { host: 'a' })
        // @ts-expect-error no such job
        ctx.enqueue('pull', {})
      },
    }),
  }),
  routes: (http) => {
    http.get('/x', { description: 'x' }, (ctx) => void ctx.enqueue('push', { host: 'a' }))
  },
  dialogs: ({ dialog }) => ({
    ask: dialog({
      version: 1,
      state: z.object({ host: z.string() }),
      steps: { host: { ask: () => 'Which?' } },
      finish: (_ctx, { host }) => host,
    }),
  }),
  commands: ({ command }) => ({
    x: command({
      description: 'x',
      run(ctx) {
        ctx.begin('ask', { host: 'a' })
        // @ts-expect-error no such dialog
        ctx.begin('tell')
      },
    }),
  }),
})

// the smallest one
definePlugin({
  name: 'ping',
  version: '1.0.0',
  commands: ({ command }) => ({ ping: command({ description: 'Check', run: () => 'pong' }) }),
})

definePlugin({
  name: 'shelf',
  version: '1.0.0',
  config: z.object({ limit: z.coerce.number() }),
  permissions: { 'shelf.write': { description: 'Add', roles: ['operator'] } },
  setup: () => ({ names: ['a'] }),
  routes: (http) => {
    http.put(
      '/entries/:id',
      {
        description: 'Change one',
        permission: 'shelf.write',
        schema: {
          params: z.object({ id: z.string() }),
          query: z.object({ dry: z.coerce.boolean().default(false) }),
          body: z.object({ text: z.string() }),
          response: z.object({ id: z.string() }),
        },
      },
      (ctx, { params, query, body }) => {
        holds<Equal<typeof params, { id: string }>>()
        holds<Equal<typeof query, { dry: boolean }>>()
        holds<Equal<typeof body, { text: string }>>()
        holds<Equal<typeof ctx.config.limit, number>>()
        holds<Equal<typeof ctx.plugin.names, string[]>>()
        holds<Equal<typeof ctx.actor.telegramId, number>>()
        ctx.can('shelf.write')
        // @ts-expect-error no permission of this plugin
        ctx.can('shelf.read')
        return { id: params.id }
      },
    )
    http.get('/bare', { description: 'Without schemas' }, (_ctx, { query }) => {
      // @ts-expect-error no schema, no query
      return query.page
    })
    http.get(
      '/wrong',
      { description: 'Wrong', schema: { response: z.object({ id: z.string() }) } },
      // @ts-expect-error not what the response's schema takes
      () => ({ id: 7 }),
    )
    // @ts-expect-error a permission that the manifest doesn't declare
    http.get('/open', { description: 'x', permission: 'shelf.read' }, () => undefined)
  },
})
