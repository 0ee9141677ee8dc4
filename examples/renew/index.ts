import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'renew',
  version: '1.0.0',
  description: 'Renews certificates',
  permissions: {
    'renew.run': { description: 'Renew certificates', roles: ['admin', 'operator'] },
  },
  setup: () => ({ expireSoon: new Set<string>() }),
  jobs: ({ job }) => ({
    renew: job({
      data: z.object({ host: z.string() }),
      permission: 'renew.run', // asked once more when it runs
      retry: { limit: 2, delayMs: 60_000 },
      deadlineMs: 120_000,
      concurrency: 2,
      async run(ctx, { host }) {
        if (host.startsWith('new-') && ctx.job.attempt === 1) throw new Error('no answer yet')
        ctx.progress(0.5, 'the new one is there')
        ctx.plugin.expireSoon.delete(host)
        // written together with the job's completion
        if (ctx.actor) ctx.notify(ctx.actor.telegramId, `${host} has a new certificate.`)
      },
    }),
    nightly: job({
      cron: '0 4 * * *',
      timeZone: 'Europe/Berlin',
      run({ log, plugin, job }) {
        log.info('renew.checked', { due: job.dueAt?.toISOString(), soon: plugin.expireSoon.size })
      },
    }),
  }),
  commands: ({ command }) => ({
    renew: command({
      description: 'Renew the certificate of a host',
      permission: 'renew.run',
      args: z.object({ host: z.string() }),
      run(ctx, { host }) {
        ctx.plugin.expireSoon.add(host)
        ctx.enqueue('renew', { host })
        return 'I write to you when it is done.'
      },
    }),
  }),
})
