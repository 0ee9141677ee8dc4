import { definePlugin, HttpError } from 'opsgram'
import { z } from 'zod'

const shift = z.object({ team: z.string(), person: z.string(), since: z.iso.datetime() })

export default definePlugin({
  name: 'oncall',
  version: '1.0.0',
  description: 'Who is on call, for programs too',
  permissions: {
    'oncall.change': { description: 'Say who is on call', roles: ['admin', 'operator'] },
  },
  setup: () => ({ shifts: new Map<string, z.infer<typeof shift>>() }),
  routes: (http) => {
    http.get(
      '/shifts',
      { description: 'Who is on call in each team', schema: { response: z.array(shift) } },
      (ctx) => [...ctx.plugin.shifts.values()],
    )
    http.get(
      '/shifts/:team',
      {
        description: 'Who is on call in a team',
        schema: { params: z.object({ team: z.string() }), response: shift },
      },
      (ctx, { params }) => {
        const found = ctx.plugin.shifts.get(params.team)
        if (found === undefined) {
          throw new HttpError(404, 'ONCALL_NOBODY', `Nobody is on call in ${params.team}`)
        }
        return found
      },
    )
    http.put(
      '/shifts/:team',
      {
        description: 'Take over in a team',
        permission: 'oncall.change',
        schema: {
          params: z.object({ team: z.string().max(40) }),
          body: z.object({ person: z.string().min(1).max(80) }),
          response: shift,
        },
      },
      (ctx, { params: { team }, body: { person } }) => {
        const taken = { team, person, since: ctx.now().toISOString() }
        ctx.plugin.shifts.set(team, taken)
        ctx.notify(ctx.actor.telegramId, `${person} is on call in ${team} now.`)
        return taken
      },
    )
  },
})
