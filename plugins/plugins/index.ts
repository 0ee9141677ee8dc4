import { buttons, definePlugin, edit, message, Plugins } from 'opsgram'
import { z } from 'zod'
import { card } from './card.ts'
import { list } from './list.ts'
import { disable, enable, reload, rollBack } from './reload.ts'

// one word of the usage line; a folder's name has no capitals
const pluginName = z.string().meta({ placeholder: 'worklog' }).toLowerCase()

export default definePlugin({
  name: 'plugins',
  version: '1.0.0',
  description: 'States of plugins, and their reload from the chat',
  engine: '^1.0.0',
  uses: { plugins: Plugins },
  permissions: {
    'plugins.view': { description: 'See the plugins and their states', roles: ['admin'] },
    // a reload runs what lies in the folder: owners alone, until they grant it
    'plugins.manage': {
      description: 'Reload plugins, roll them back, switch them off and on',
      roles: [],
    },
  },
  actions: ({ action }) => ({
    reload: action({
      label: 'Reload',
      data: z.object({ name: z.string() }),
      permission: 'plugins.manage',
      async run(ctx, { name }) {
        const { plugins } = ctx.use
        const text = await reload(ctx, name)
        await ctx.answerCbQuery(text.slice(0, 200))
        const status = plugins.list(ctx.language).find((plugin) => plugin.name === name)
        if (status === undefined) return edit(text)
        return edit(card(status, ctx), buttons(ctx.button('reload', { name })))
      },
    }),
  }),
  commands: ({ command }) => ({
    plugins: command({
      description: 'Plugins, their states and last reloads',
      permission: 'plugins.view',
      run: (ctx) => list(ctx.use.plugins, ctx),
      subcommands: {
        show: command({
          description: 'One plugin in detail',
          permission: 'plugins.view',
          args: z.object({ name: pluginName }),
          run(ctx, { name }) {
            const status = ctx.use.plugins.list(ctx.language).find((plugin) => plugin.name === name)
            if (status === undefined) return ctx.t('unknown', { name })
            const mayReload = ctx.can('plugins.manage') && status.state !== 'disabled'
            return message(
              card(status, ctx),
              mayReload ? buttons(ctx.button('reload', { name })) : undefined,
            )
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
          run: (ctx, { name, reason }) => disable(ctx, name, ctx.actor.telegramId, reason),
        }),
        enable: command({
          description: 'Switch a plugin on again',
          permission: 'plugins.manage',
          args: z.object({ name: pluginName }),
          run: (ctx, { name }) => enable(ctx, name, ctx.actor.telegramId),
        }),
      },
    }),
  }),
})
