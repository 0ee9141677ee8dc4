import { buttons, DeadLetters, definePlugin, edit, message } from 'opsgram'
import { z } from 'zod'
import { act } from './act.ts'
import { card, list } from './show.ts'

const id = z.string().meta({ placeholder: 'E-7K3QD' })

export default definePlugin({
  name: 'dead',
  version: '1.0.0',
  description: 'Updates that could not be handled: look at them, run them again, drop them',
  engine: '^1.0.0',
  uses: { dead: DeadLetters },
  permissions: {
    // they hold what people wrote
    'dead.view': { description: 'See updates that could not be handled', roles: ['admin'] },
    'dead.manage': { description: 'Run such updates again, or drop them', roles: [] },
  },
  actions: ({ action }) => ({
    again: action({
      label: 'Run again',
      data: z.object({ id: z.string() }),
      permission: 'dead.manage',
      run: async (ctx, { id }) => edit(await act(ctx, 'again', id)),
    }),
    drop: action({
      label: 'Drop',
      data: z.object({ id: z.string() }),
      permission: 'dead.manage',
      run: async (ctx, { id }) => edit(await act(ctx, 'drop', id)),
    }),
  }),
  commands: ({ command }) => ({
    dead: command({
      description: 'Updates that could not be handled',
      permission: 'dead.view',
      chats: 'private',
      run: (ctx) => list(ctx),
      subcommands: {
        show: command({
          description: 'One of them, with the error',
          permission: 'dead.view',
          chats: 'private',
          args: z.object({ id }),
          async run(ctx, { id }) {
            const letter = await ctx.use.dead.find(id)
            if (letter === undefined) return ctx.t('unknown', { id })
            const data = { id: letter.errorId }
            const keys = buttons([ctx.button('again', data), ctx.button('drop', data)])
            return message(card(letter, ctx), ctx.can('dead.manage') ? keys : undefined)
          },
        }),
        again: command({
          description: 'Handle one once more',
          permission: 'dead.manage',
          chats: 'private',
          args: z.object({ id }),
          run: (ctx, { id }) => act(ctx, 'again', id),
        }),
        drop: command({
          description: 'Give one up',
          permission: 'dead.manage',
          chats: 'private',
          args: z.object({ id }),
          run: (ctx, { id }) => act(ctx, 'drop', id),
        }),
      },
    }),
  }),
})
