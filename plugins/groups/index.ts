import { buttons, Cards, Chats, definePlugin, edit, Plugins, Settings } from 'opsgram'
import { z } from 'zod'
import { Activity } from './activity.ts'
import { Approval } from './approval.ts'
import { approve, leave, toggle } from './decide.ts'
import { GroupChat, GroupEvent } from './entities.ts'
import { clean, lookAt, unlooked } from './keeping.ts'
import { eraseOf, exportOf } from './personal-data.ts'
import { hasNews, report } from './reports.ts'
import { chatScreen, listScreen, pluginsScreen, shownList, toList } from './screen.ts'
import type { Sight } from './warnings.ts'
import { Watch } from './watch.ts'

const chat = z.object({ chat: z.number() })
const page = z.number().int().positive()
const minute = 60_000
const hour = 60 * minute
/** Changes of the bot's own place that are told at once, a minute. */
const mostPrompt = 5

export default definePlugin({
  name: 'groups',
  version: '1.0.0',
  description: 'The chats that the bot is in: who brought it there, what happens in them',
  engine: '^1.0.0',
  config: z.object({
    /** Chats that nobody approved are left. */
    leaveUnapproved: z.stringbool().default(false),
    /** How long there is to approve one, hours. */
    approveWithinH: z.coerce.number().positive().max(720).default(24),
    /** Joins and leaves of people are told those who see groups. */
    reportMembers: z.stringbool().default(true),
    /** Days that events are kept. */
    retentionDays: z.coerce.number().positive().max(3_650).default(90),
  }),
  uses: {
    cards: Cards,
    chats: Chats,
    plugins: Plugins,
    settings: Settings,
  },
  permissions: {
    'groups.view': { description: 'See the chats that the bot is in', roles: ['admin'] },
    'groups.manage': {
      description: 'Approve chats, leave them, switch plugins off in them',
      roles: ['admin'],
    },
  },
  entities: [GroupChat, GroupEvent],
  async setup(scope) {
    const { config, log, use } = scope
    const em = () => scope.em()
    const activity = new Activity(em)
    const sight: Sight = { readsAll: undefined }
    const approval = new Approval({
      em,
      cards: use.cards,
      judges: () => use.plugins.holdersOf('groups.manage'),
      leave: (chatId) => scope.enqueue('leave', { chatId }),
      now: () => scope.now(),
      withinMs: config.leaveUnapproved ? config.approveWithinH * hour : undefined,
    })
    let prompt = mostPrompt
    const watch = new Watch({
      em,
      activity,
      log,
      changed: () => {
        // who brings the bot and throws it out again and again is told of by the minute
        if (prompt-- > 0) void settle().catch((error) => log.warn('groups.not-settled', { error }))
      },
    })
    /** What of the bot itself changed is told and asked at once. */
    const settle = async () => {
      for (const chatId of await unlooked(em())) await scope.enqueue('look', { chatId })
      await approval.pass()
      if (use.settings.notices && (await hasNews(em()))) await scope.enqueue('report')
    }
    scope.onDispose(() => activity.flush())
    scope.timeout(0, settle)
    scope.interval(minute, async () => {
      prompt = mostPrompt
      await activity.flush()
      await settle()
    })
    const keep = (signal: AbortSignal) => clean(em(), config.retentionDays, signal)
    scope.timeout(5 * minute, keep)
    scope.interval(24 * hour, keep)
    return { watch, sight, em, texts: (language?: string) => scope.texts(language) }
  },
  actions: ({ action }) => ({
    page: action({
      label: 'More',
      data: z.object({ page }),
      permission: 'groups.view',
      async run(ctx, { page }) {
        const [text, keys] = await listScreen(ctx, page)
        return edit(text, buttons(...keys))
      },
    }),
    show: action({
      label: 'Chat',
      data: chat,
      permission: 'groups.view',
      run: (ctx, { chat }) => chatScreen(ctx, chat),
    }),
    plugins: action({
      label: 'Plugins',
      data: chat,
      permission: 'groups.manage',
      run: (ctx, { chat }) => pluginsScreen(ctx, chat),
    }),
    toggle: action({
      label: 'Switch',
      data: chat.extend({ plugin: z.string(), off: z.boolean() }),
      permission: 'groups.manage',
      async run(ctx, wish) {
        const text = await toggle(ctx, wish)
        // so that the screen shows what is
        await ctx.commit()
        await ctx.answerCbQuery(text)
        return pluginsScreen(ctx, wish.chat)
      },
    }),
    approve: action({
      label: 'Approve',
      data: chat,
      permission: 'groups.manage',
      async run(ctx, { chat }) {
        const text = await approve(ctx, chat)
        await ctx.commit()
        await ctx.answerCbQuery(text.slice(0, 200))
        return chatScreen(ctx, chat)
      },
    }),
    leave: action({
      label: 'Leave',
      data: chat,
      permission: 'groups.manage',
      async run(ctx, { chat: chatId }) {
        const found = await ctx.em.findOne(GroupChat, { chatId })
        if (found === null) return edit(ctx.t('card.gone'), buttons([toList(ctx)]))
        return edit(
          ctx.t('sure.leave', { title: found.title }),
          buttons(
            [ctx.button('sure', { chat: chatId }, { label: ctx.t('sure.yes') })],
            [ctx.button('show', { chat: chatId }, { label: ctx.t('sure.no') })],
          ),
        )
      },
    }),
    sure: action({
      label: 'Yes',
      data: chat,
      permission: 'groups.manage',
      run: async (ctx, { chat }) => edit(await leave(ctx, chat), buttons([toList(ctx)])),
    }),
  }),
  jobs: ({ job }) => ({
    leave: job({
      data: z.object({ chatId: z.number() }),
      async run(ctx, { chatId }) {
        await ctx.telegram.leaveChat(chatId)
        ctx.log.info('groups.left', { chatId })
      },
    }),
    look: job({
      data: z.object({ chatId: z.number() }),
      run: (ctx, { chatId }) => lookAt(ctx, chatId),
    }),
    report: job({
      // two would tell the same
      concurrency: 1,
      run: (ctx) =>
        report({
          em: ctx.em,
          notify: (telegramId, message) => ctx.notify(telegramId, message),
          readers: () => ctx.use.plugins.holdersOf('groups.view'),
          texts: ctx.plugin.texts,
          sight: ctx.plugin.sight,
          members: ctx.config.reportMembers,
        }),
    }),
  }),
  middleware: ({ middleware }) => [
    middleware({
      phase: 'observe',
      async run(ctx, next) {
        await next()
        const { sight, watch } = ctx.plugin
        sight.readsAll = ctx.botInfo.can_read_all_group_messages
        await watch.saw(ctx)
      },
    }),
  ],
  commands: ({ command }) => ({
    groups: command({
      description: 'The chats that I am in',
      permission: 'groups.view',
      chats: 'private',
      args: z.object({ page: z.coerce.number().int().positive().default(1) }),
      run: (ctx, { page }) => shownList(ctx, page),
    }),
  }),
  personalData: {
    export: (subject, { em }) => exportOf(em, subject),
    erase: (subject, { em }) => eraseOf(em, subject),
  },
})
