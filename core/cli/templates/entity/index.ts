import { buttons, definePlugin, edit, html, message } from 'opsgram'
import { z } from 'zod'
import { SampleNote } from './entities.ts'

export default definePlugin({
  name: 'sample',
  version: '0.1.0',
  description: 'What sample does',
  engine: '^1.0.0',
  permissions: {
    'sample.use': { description: 'Use sample', roles: ['admin', 'operator'] },
  },
  entities: [SampleNote],
  actions: ({ action }) => ({
    remove: action({
      label: 'Remove',
      data: z.object({ id: z.string() }),
      permission: 'sample.use',
      async run(ctx, { id }) {
        const note = await ctx.em.findOne(SampleNote, { id, author: ctx.actor.id })
        if (note === null) return edit(ctx.t('gone'))
        ctx.em.remove(note)
        return edit(html`<s>${note.text}</s>`)
      },
    }),
  }),
  commands: ({ command }) => ({
    sample: command({
      description: 'What sample does',
      subcommands: {
        add: command({
          description: 'Write a note down',
          permission: 'sample.use',
          args: z.object({ text: z.string().min(1) }),
          run(ctx, { text }) {
            const note = ctx.em.create(SampleNote, { author: ctx.actor.id, text })
            return message(ctx.t('added', { text }), buttons(ctx.button('remove', { id: note.id })))
          },
        }),
        list: command({
          description: 'The latest notes',
          permission: 'sample.use',
          async run(ctx) {
            const latest = { orderBy: { createdAt: 'desc' }, limit: 20 } as const
            const notes = await ctx.em.find(SampleNote, {}, latest)
            if (notes.length === 0) return ctx.t('empty')
            return notes.map(({ text }) => `• ${text}`).join('\n')
          },
        }),
      },
    }),
  }),
})
