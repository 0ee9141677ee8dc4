import { definePlugin, duration, html } from 'opsgram'
import { z } from 'zod'

const hosts = [
  { name: 'db-1', kind: 'server', room: 'A1' },
  { name: 'sw-12', kind: 'switch', room: 'A1' },
  { name: 'sw-13', kind: 'switch', room: 'B2' },
]

/** A kind of argument of one's own: the name of a host that there is. */
const host = z.string().refine((name) => hosts.some((known) => known.name === name), {
  error: 'the name of a host is expected: db-1, sw-12, sw-13',
})

export default definePlugin({
  name: 'hosts',
  version: '1.0.0',
  description: 'Hosts, and their silence',
  commands: ({ command }) => ({
    silence: command({
      description: 'Silence the alarms of a host',
      aliases: ['mute'],
      args: z.object({
        host,
        time: duration().default(3_600_000),
        level: z.enum(['warnings', 'all']).default('warnings'),
        reason: z.string().optional(),
      }),
      run: (_ctx, { host, time, level, reason = 'no reason given' }) =>
        `${host}: ${level} silenced for ${time / 60_000} min (${reason}).`,
    }),
    hosts: command({
      description: 'The hosts of this site',
      subcommands: {
        list: command({
          description: 'All, or those of one kind',
          args: z.object({ kind: z.enum(['server', 'switch']).optional() }),
          run: (_ctx, { kind }) =>
            hosts
              .filter((each) => kind === undefined || each.kind === kind)
              .map(({ name }) => name)
              .join(', '),
        }),
        show: command({
          description: 'One host',
          chats: 'private',
          args: z.object({ host }),
          run(_ctx, { host }) {
            const found = hosts.find(({ name }) => name === host)
            return html`<b>${host}</b>: a ${found?.kind} in room ${found?.room}`
          },
        }),
      },
    }),
  }),
})
