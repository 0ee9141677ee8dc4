import { buttons, definePlugin, edit, Jobs, message } from 'opsgram'
import { z } from 'zod'
import { act } from './act.ts'
import { card, list } from './show.ts'

const id = z.string().meta({ placeholder: 'E-7K3QD' })

export default definePlugin({
  name: 'jobs',
  version: '1.0.0',
  description: 'Work in the background: what waits, runs and died; run it again, drop it',
  engine: '^1.0.0',
  uses: { jobs: Jobs },
  permissions: {
    // their data may be of any kind
    'jobs.view': { description: 'See the work in the background', roles: ['admin'] },
    'jobs.manage': { description: 'Run dead jobs again, or drop them', roles: [] },
  },
  actions: ({ action }) => ({
    again: action({
      label: 'Run again',
      data: z.object({ id: z.string() }),
      permission: 'jobs.manage',
      run: async (ctx, { id }) => edit(await act(ctx, 'again', id)),
    }),
    drop: action({
      label: 'Drop',
      data: z.object({ id: z.string() }),
      permission: 'jobs.manage',
      run: async (ctx, { id }) => edit(await act(ctx, 'drop', id)),
    }),
  }),
  commands: ({ command }) => ({
    jobs: command({
      description: 'Work in the background',
      permission: 'jobs.view',
      chats: 'private',
      run: (ctx) => list(ctx),
      subcommands: {
        show: command({
          description: 'A dead job, with the error',
          args: z.object({ id }),
          async run(ctx, { id }) {
            const job = await ctx.use.jobs.find(id)
            if (job === undefined) return ctx.t('unknown', { id })
            const data = { id: job.errorId }
            const keys = buttons([ctx.button('again', data), ctx.button('drop', data)])
            return message(card(job, ctx), ctx.can('jobs.manage') ? keys : undefined)
          },
        }),
        again: command({
          description: 'Run a dead job once more',
          permission: 'jobs.manage',
          args: z.object({ id }),
          run: (ctx, { id }) => act(ctx, 'again', id),
        }),
        drop: command({
          description: 'Give a dead job up',
          permission: 'jobs.manage',
          args: z.object({ id }),
          run: (ctx, { id }) => act(ctx, 'drop', id),
        }),
      },
    }),
  }),
})
