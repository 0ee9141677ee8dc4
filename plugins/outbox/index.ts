import { buttons, definePlugin, edit, message, Outbox, ulid } from 'opsgram'
import { z } from 'zod'
import { act } from './act.ts'
import { preview, progress } from './broadcast.ts'
import { card, list } from './show.ts'

const id = z.coerce.number().int().positive().meta({ placeholder: '4711' })
const broadcast = z.object({ id: z.string() })

export default definePlugin({
  name: 'outbox',
  version: '1.0.0',
  description: 'Messages that could not be sent, and messages to everybody',
  engine: '^1.0.0',
  uses: { outbox: Outbox },
  permissions: {
    // they hold what people are written
    'outbox.view': { description: 'See messages that are not sent', roles: ['admin'] },
    'outbox.manage': { description: 'Send such messages again, or drop them', roles: [] },
    'outbox.broadcast': { description: 'Write to everybody', roles: [] },
  },
  actions: ({ action }) => ({
    send: action({
      label: 'Send',
      data: z.object({ id: z.number() }),
      permission: 'outbox.manage',
      run: async (ctx, { id }) => edit(await act(ctx, 'send', id)),
    }),
    drop: action({
      label: 'Drop',
      data: z.object({ id: z.number() }),
      permission: 'outbox.manage',
      run: async (ctx, { id }) => edit(await act(ctx, 'drop', id)),
    }),
    begin: action({
      label: 'Send to all',
      data: broadcast.extend({ text: z.string() }),
      permission: 'outbox.broadcast',
      async run(ctx, { id, text }) {
        await ctx.use.outbox.broadcasts.begin(id, text)
        return progress(ctx, id, 'begin')
      },
    }),
    look: action({
      label: 'How far?',
      data: broadcast,
      permission: 'outbox.broadcast',
      run: (ctx, { id }) => progress(ctx, id),
    }),
    pause: action({
      label: 'Pause',
      data: broadcast,
      permission: 'outbox.broadcast',
      async run(ctx, { id }) {
        await ctx.use.outbox.broadcasts.pause(id)
        return progress(ctx, id, 'pause')
      },
    }),
    resume: action({
      label: 'Go on',
      data: broadcast,
      permission: 'outbox.broadcast',
      async run(ctx, { id }) {
        await ctx.use.outbox.broadcasts.resume(id)
        return progress(ctx, id, 'resume')
      },
    }),
    end: action({
      label: 'End',
      data: broadcast,
      permission: 'outbox.broadcast',
      async run(ctx, { id }) {
        await ctx.use.outbox.broadcasts.end(id)
        return progress(ctx, id, 'end')
      },
    }),
  }),
  commands: ({ command }) => ({
    outbox: command({
      description: 'Messages that are not sent',
      permission: 'outbox.view',
      chats: 'private',
      run: (ctx) => list(ctx),
      subcommands: {
        show: command({
          description: 'One of them, with the error',
          permission: 'outbox.view',
          chats: 'private',
          args: z.object({ id }),
          async run(ctx, { id }) {
            const found = await ctx.use.outbox.find(id)
            if (found === undefined) return ctx.t('unknown', { id })
            const keys = [
              ...(found.state === 'unsure' || found.state === 'failed'
                ? [ctx.button('send', { id })]
                : []),
              ...(found.state === 'sent' || found.state === 'dropped'
                ? []
                : [ctx.button('drop', { id })]),
            ]
            const may = ctx.can('outbox.manage') && keys.length > 0
            return message(card(found, ctx), may ? buttons(keys) : undefined)
          },
        }),
        send: command({
          description: 'Send one again',
          permission: 'outbox.manage',
          chats: 'private',
          args: z.object({ id }),
          run: (ctx, { id }) => act(ctx, 'send', id),
        }),
        drop: command({
          description: 'Give one up',
          permission: 'outbox.manage',
          chats: 'private',
          args: z.object({ id }),
          run: (ctx, { id }) => act(ctx, 'drop', id),
        }),
      },
    }),
    broadcast: command({
      description: 'Write to everybody',
      permission: 'outbox.broadcast',
      chats: 'private',
      args: z.object({ text: z.string().min(1) }),
      async run(ctx, { text }) {
        const people = await ctx.use.outbox.broadcasts.audience()
        if (people === 0) return ctx.t('broadcast.nobody')
        return message(
          preview(ctx, people, text),
          buttons(ctx.button('begin', { id: ulid(), text })),
        )
      },
    }),
  }),
})
