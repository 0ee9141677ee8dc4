import { definePlugin, duration, Logs, Plugins } from 'opsgram'
import { z } from 'zod'
import { list, one } from './errors.ts'
import { choose, reset, show } from './levels.ts'

const dayMs = 24 * 3_600_000

const of = z.string().meta({ placeholder: 'worklog' }).toLowerCase()

export default definePlugin({
  name: 'logs',
  version: '1.0.0',
  description: 'How much is logged, and what is known of an error under its id',
  engine: '^1.0.0',
  config: z.object({
    /** Days that reports of errors are kept. */
    retentionDays: z.coerce.number().positive().max(3_650).default(90),
  }),
  uses: { logs: Logs, plugins: Plugins },
  permissions: {
    'logs.errors': { description: 'See what is known of an error', roles: ['admin'] },
    // at level debug the log fills disks
    'logs.level': { description: 'Change how much is logged', roles: [] },
  },
  setup(scope) {
    const clean = async (signal: AbortSignal) => {
      const before = new Date(scope.now().getTime() - scope.config.retentionDays * dayMs)
      const rows = await scope.use.logs.pruneErrors(before, signal)
      if (rows > 0) scope.log.info('logs.cleaned', { rows })
    }
    // at every start too: a bot that never runs for hours would never clean
    scope.timeout(60_000, clean)
    scope.interval(dayMs / 4, clean)
  },
  commands: ({ command }) => ({
    loglevel: command({
      description: 'How much is logged',
      permission: 'logs.level',
      args: z.object({
        level: z.enum(['error', 'warn', 'info', 'debug']).optional(),
        plugin: of.optional(),
        time: duration().optional(),
      }),
      run: (ctx, { level, plugin, time }) =>
        level === undefined ? show(ctx) : choose(ctx, { level, plugin, forMs: time }),
      subcommands: {
        reset: command({
          description: 'As LOG_LEVEL says, or for a plugin as for all',
          permission: 'logs.level',
          args: z.object({ plugin: of.optional() }),
          run: (ctx, { plugin }) => reset(ctx, plugin),
        }),
      },
    }),
    error: command({
      description: 'What is known of an error; the newest ones',
      permission: 'logs.errors',
      chats: 'private',
      args: z.object({ id: z.string().meta({ placeholder: 'E-7K3QD' }).optional() }),
      run: (ctx, { id }) => (id === undefined ? list(ctx) : one(ctx, id)),
    }),
  }),
})
