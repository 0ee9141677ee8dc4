import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'visit',
  version: '1.0.0',
  description: 'Announces visits to the data centre',
  permissions: {
    'visit.announce': { description: 'Announce visits', roles: ['admin', 'operator'] },
  },
  dialogs: ({ dialog }) => ({
    announce: dialog({
      version: 1,
      permission: 'visit.announce',
      state: z.object({
        who: z.string().min(3),
        people: z.number().int().max(8),
        reason: z.enum(['work', 'tour']),
        ticket: z.string().optional(),
      }),
      steps: {
        who: { ask: () => 'Who comes?' },
        people: { ask: (_ctx, { who }) => `How many people of ${who}?` },
        reason: {
          ask: () => 'What for?',
          next: (_ctx, { reason }) => (reason === 'work' ? 'ticket' : 'end'),
        },
        ticket: { ask: () => 'For which ticket?' },
      },
      finish: (_ctx, { who, people, reason, ticket }) =>
        `Announced: ${who}, ${people}, ${reason}${ticket === undefined ? '' : ` (${ticket})`}.`,
    }),
  }),
  commands: ({ command }) => ({
    visit: command({
      description: 'Announce a visit',
      permission: 'visit.announce',
      run: (ctx) => ctx.begin('announce'),
    }),
  }),
})
