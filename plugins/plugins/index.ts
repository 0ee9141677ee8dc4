import { buttons, type Content, definePlugin, edit, Maintenance, message, Plugins } from 'opsgram'
import { z } from 'zod'
import { type Asking, disable, enable, reload, rollBack, statusOf } from './act.ts'
import { card, historyOf, shortOf } from './card.ts'
import { keysFor, type Presser } from './keys.ts'
import { list } from './list.ts'
import { pause, resume } from './maintenance.ts'

// one word of the usage line; a folder's name has no capitals
const pluginName = z.string().meta({ placeholder: 'worklog' }).toLowerCase()
const named = z.object({ name: z.string() })
const sealed = named.extend({ seal: z.string() })

export default definePlugin({
  name: 'plugins',
  version: '1.0.0',
  description: 'States of plugins, and their reload from the chat',
  engine: '^1.0.0',
  uses: { plugins: Plugins, maintenance: Maintenance },
  permissions: {
    'plugins.view': { description: 'See the plugins and their states', roles: ['admin'] },
    // a reload runs what lies in the folder: owners alone, until they grant it
    'plugins.manage': {
      description: 'Reload plugins, roll them back, switch them off and on',
      roles: [],
    },
    'plugins.pause': { description: 'Have all updates wait, and handle them again', roles: [] },
  },
  actions: ({ action }) => ({
    show: action({
      label: 'Back',
      data: named,
      permission: 'plugins.view',
      run: async (ctx, { name }) => edit(...(await cardOf(ctx, name))),
    }),
    history: action({
      label: 'History',
      data: named,
      permission: 'plugins.view',
      async run(ctx, { name }) {
        const details = await ctx.use.plugins.details(name, ctx.language)
        return edit(historyOf(name, details, ctx), buttons(ctx.button('show', { name })))
      },
    }),
    reload: action({
      label: 'Reload',
      data: named,
      permission: 'plugins.manage',
      run: (ctx, { name }) => told(ctx, name, reload(ctx, name)),
    }),
    enable: action({
      label: 'Switch on',
      data: named,
      permission: 'plugins.manage',
      run: (ctx, { name }) => told(ctx, name, enable(ctx, name)),
    }),
    sureRollBack: action({
      label: 'Roll back …',
      data: named,
      permission: 'plugins.manage',
      async run(ctx, { name }) {
        const { previous } = await ctx.use.plugins.details(name)
        if (previous === undefined) return edit(ctx.t('rollback.none', { name }))
        return edit(
          ctx.t('rollback.sure', { name, hash: shortOf(previous) }),
          buttons(ctx.button('rollBack', { name }), ctx.button('show', { name })),
        )
      },
    }),
    rollBack: action({
      label: 'Yes, roll back',
      data: named,
      permission: 'plugins.manage',
      run: (ctx, { name }) => told(ctx, name, rollBack(ctx, name)),
    }),
    sureDisable: action({
      label: 'Switch off …',
      data: named,
      permission: 'plugins.manage',
      run: (ctx, { name }) =>
        edit(
          ctx.t('disable.sure', { name }),
          buttons(ctx.button('disable', { name }), ctx.button('show', { name })),
        ),
    }),
    disable: action({
      label: 'Yes, switch off',
      data: named,
      permission: 'plugins.manage',
      run: (ctx, { name }) => told(ctx, name, disable(ctx, name)),
    }),
    // the core asks once more whether it is an owner
    approve: action({
      label: 'Approve',
      data: sealed,
      permission: 'plugins.view',
      run: async (ctx, { name, seal }) =>
        told(ctx, name, decided(ctx, ctx.use.plugins.decide(ctx, name, 'approve', seal))),
    }),
    refuse: action({
      label: 'Keep closed',
      data: sealed,
      permission: 'plugins.view',
      run: async (ctx, { name, seal }) =>
        told(ctx, name, decided(ctx, ctx.use.plugins.decide(ctx, name, 'refuse', seal))),
    }),
  }),
  commands: ({ command }) => ({
    pause: command({
      description: 'Maintenance: updates wait until /resume',
      permission: 'plugins.pause',
      chats: 'private',
      run: pause,
    }),
    resume: command({
      description: 'End of the maintenance: what waited is handled',
      permission: 'plugins.pause',
      chats: 'private',
      run: resume,
    }),
    plugins: command({
      description: 'Plugins, their states and last reloads',
      permission: 'plugins.view',
      run: (ctx) => list(ctx.use, ctx),
      subcommands: {
        show: command({
          description: 'One plugin in detail, with what can be done about it',
          permission: 'plugins.view',
          args: z.object({ name: pluginName }),
          run: async (ctx, { name }) => message(...(await cardOf(ctx, name))),
        }),
        history: command({
          description: 'What became of a plugin: loads, reloads, failures, decisions',
          permission: 'plugins.view',
          args: z.object({ name: pluginName }),
          async run(ctx, { name }) {
            if (statusOf(ctx.use.plugins, name) === undefined) return ctx.t('unknown', { name })
            return historyOf(name, await ctx.use.plugins.details(name, ctx.language), ctx)
          },
        }),
        reload: command({
          description: 'Load a plugin anew, as it lies in its folder',
          permission: 'plugins.manage',
          args: z.object({ name: pluginName }),
          run: (ctx, { name }) => reload(ctx, name),
        }),
        rollback: command({
          description: 'Put the version before back, until the folder is changed',
          permission: 'plugins.manage',
          args: z.object({ name: pluginName }),
          run: (ctx, { name }) => rollBack(ctx, name),
        }),
        disable: command({
          description: 'Switch a plugin off until it is enabled',
          permission: 'plugins.manage',
          args: z.object({ name: pluginName, reason: z.string().optional() }),
          run: (ctx, { name, reason }) => disable(ctx, name, reason),
        }),
        enable: command({
          description: 'Switch a plugin on again',
          permission: 'plugins.manage',
          args: z.object({ name: pluginName }),
          run: (ctx, { name }) => enable(ctx, name),
        }),
      },
    }),
  }),
})

type Shown = Parameters<typeof message>

/** A plugin's card with what this person may do about it. */
async function cardOf(ctx: Asking & Presser, name: string): Promise<Shown> {
  const { plugins } = ctx.use
  const status = statusOf(plugins, name, ctx.language)
  if (status === undefined) return [ctx.t('unknown', { name })]
  const details = await plugins.details(name, ctx.language)
  return [card(status, details, ctx), buttons(...keysFor(ctx, status, details))]
}

/** Says what came of a press, in a toast, and shows the card as it is now. */
async function told(
  ctx: Asking & Presser & { answerCbQuery(text: string): Promise<true> },
  name: string,
  work: Promise<string>,
): Promise<Content> {
  const text = await work
  await ctx.answerCbQuery(text.slice(0, 200))
  return edit(...(await cardOf(ctx, name)))
}

async function decided(ctx: Asking, decision: Promise<'done' | 'changed'>): Promise<string> {
  return ctx.t(`decision.${await decision}`)
}
