import { ApiCalls, definePlugin } from 'opsgram'
import { z } from 'zod'
import { list } from './list.ts'

const hour = 3_600_000

export default definePlugin({
  name: 'api',
  version: '1.0.0',
  description: 'Calls to other services: how many, how fast, what failed',
  engine: '^1.0.0',
  config: z.object({ retentionDays: z.coerce.number().min(1).max(3_650).default(90) }),
  uses: { calls: ApiCalls },
  permissions: {
    'api.view': { description: 'See how calls to other services go', roles: ['admin', 'operator'] },
  },
  setup(scope) {
    const clean = async (signal: AbortSignal) => {
      const before = new Date(scope.now().getTime() - scope.config.retentionDays * 24 * hour)
      const rows = await scope.use.calls.prune(before, signal)
      if (rows > 0) scope.log.info('api.cleaned', { rows })
    }
    // at every start too: a bot that never runs for hours would never clean
    scope.timeout(60_000, clean)
    scope.interval(6 * hour, clean)
  },
  commands: ({ command }) => ({
    api: command({
      description: 'Calls to other services',
      permission: 'api.view',
      args: z.object({ hours: z.coerce.number().min(1).max(2_160).default(24) }),
      run: (ctx, { hours }) => list(ctx, hours),
    }),
  }),
})
