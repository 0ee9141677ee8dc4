import { BulkWriter, definePlugin, type SentCall, Traffic } from 'opsgram'
import { z } from 'zod'
import { HandledUpdates } from './handled.ts'
import { incomingRow } from './incoming.ts'
import { isShown, outgoingRow } from './outgoing.ts'
import { eraseMessages, exportMessages } from './personal-data.ts'
import { type LogRow, messageLogs } from './table.ts'

const dayMs = 24 * 3_600_000
/** The first cleaning: when the start, with all that it does at once, is over. */
const firstCleaningMs = 2_000

export default definePlugin({
  name: 'logging',
  version: '1.0.0',
  description: 'Messages and events, in and out, on record',
  engine: '^1.0.0',
  config: z.object({
    /** Days that rows are kept. */
    retentionDays: z.coerce.number().positive().max(36_500).default(90),
    /** An update that takes longer is a warning in the log, ms. */
    slowMs: z.coerce.number().positive().default(2_000),
  }),
  uses: { bulk: BulkWriter, traffic: Traffic },
  tables: [messageLogs.name],
  setup(scope) {
    const { config, log, use } = scope
    const table = use.bulk.table(messageLogs)
    const handled = new HandledUpdates()
    const push = (row: LogRow) => table.push({ ...row })
    scope.listen(use.traffic, 'call', (call: SentCall) => {
      if (!isShown(call)) return
      const update = call.updateId === undefined ? undefined : handled.find(call.updateId)
      // an update that another version of this plugin observes is that one's to log
      if (call.updateId !== undefined && update === undefined) return
      push(outgoingRow(call, update))
    })
    const clean = async (signal: AbortSignal) => {
      const before = new Date(Date.now() - config.retentionDays * dayMs)
      const rows = await table.prune({ column: 'created_at', before, signal })
      if (rows > 0) log.info('logging.cleaned', { rows })
    }
    scope.timeout(firstCleaningMs, clean)
    scope.interval(dayMs, clean)
    return { handled, push }
  },
  middleware: ({ middleware }) => [
    middleware({
      phase: 'observe',
      async run(ctx, next) {
        const { handled, push } = ctx.plugin
        const begun = new Date()
        const started = performance.now()
        handled.begin(ctx)
        try {
          await next()
        } finally {
          handled.end(ctx)
        }
        const { outcome, facts } = ctx
        // an attempt that settled nothing is followed by one that does
        if (outcome.kind === 'repeated') return
        const ms = performance.now() - started
        push(incomingRow(ctx, { begun, ms }))
        if (ms < ctx.config.slowMs) return
        ctx.log.warn('update.slow', {
          ms: Math.round(ms),
          kind: facts.kind,
          plugin: outcome.plugin,
          route: outcome.route,
        })
      },
    }),
  ],
  personalData: {
    export: (subject, { em }) => exportMessages(em, subject),
    erase: (subject, { em }) => eraseMessages(em, subject),
  },
})
