import { join } from 'node:path'
import { writeHeapSnapshot } from 'node:v8'
import { BulkWriter, definePlugin, Jobs, Overview, Settings, Timings } from 'opsgram'
import { z } from 'zod'
import { themes } from './chart/theme.ts'
import { PerformanceView } from './entities.ts'
import { NoRoom, writeSnapshot } from './heap.ts'
import { ranges } from './history.ts'
import { MemoryWatch, memoryNow } from './memory.ts'
import { Recorder } from './recorder.ts'
import { chooseTheme, show, slow, themeOf } from './show.ts'
import { minutes, timings } from './tables.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const view = z.object({ hours: z.literal(ranges), theme: z.enum(themes) })

export default definePlugin({
  name: 'performance',
  version: '1.0.0',
  description: 'How the bot is: a picture of the last hours, what is slow, memory',
  engine: '^1.0.0',
  config: z.object({
    /** Days that figures are kept. */
    retentionDays: z.coerce.number().positive().max(365).default(7),
    /** Memory above so much of what there is, percent, is told to owners. */
    memoryPercent: z.coerce.number().min(20).max(100).default(85),
    /** What the process may take, MiB; default: what the container or the machine has. */
    memoryMib: z.coerce.number().positive().optional(),
    /** An event loop that is later than that, ms, is told to owners. */
    lagMs: z.coerce.number().positive().default(500),
  }),
  uses: { bulk: BulkWriter, timings: Timings, overview: Overview, jobs: Jobs, settings: Settings },
  permissions: {
    'performance.view': { description: 'See how the bot is and what is slow', roles: ['admin'] },
    // it holds tokens and what people write
    'performance.heap': { description: 'Write what the memory holds to the disk', roles: [] },
  },
  entities: [PerformanceView],
  tables: [minutes.name, timings.name],
  setup(scope) {
    const { config, log, use } = scope
    const table = use.bulk.table(minutes)
    const names = use.bulk.table(timings)
    const recorder = new Recorder({
      timings: use.timings,
      overview: use.overview,
      minutes: table,
      names,
      now: () => scope.now(),
    })
    recorder.start()
    scope.onDispose(() => {
      // the part of a minute that this version has seen
      recorder.write()
      recorder.stop()
    })
    scope.interval(minuteMs, () => recorder.write())
    const clean = async (signal: AbortSignal) => {
      const before = new Date(scope.now().getTime() - config.retentionDays * 24 * hourMs)
      const old = { column: 'at', before, signal }
      const rows = (await table.prune(old)) + (await names.prune(old))
      if (rows > 0) log.info('performance.cleaned', { rows })
    }
    // at every start too: a bot that never runs for hours would never clean
    scope.timeout(minuteMs, clean)
    scope.interval(6 * hourMs, clean)
    return {
      recorder,
      memory: new MemoryWatch(config.memoryPercent),
      limits: { memoryMib: config.memoryMib, lagMs: config.lagMs },
      heapFolder: join(use.settings.dataDir, 'performance'),
    }
  },
  actions: ({ action }) => ({
    show: action({
      label: 'Show',
      data: view,
      permission: 'performance.view',
      run: (ctx, chosen) => show(ctx, chosen, 'edit'),
    }),
    paint: action({
      label: 'Light or dark',
      data: view,
      permission: 'performance.view',
      async run(ctx, chosen) {
        await chooseTheme(ctx, chosen.theme)
        await show(ctx, chosen, 'edit')
      },
    }),
    slow: action({
      label: 'Slowest',
      data: z.object({ hours: z.number() }),
      permission: 'performance.view',
      run: (ctx, { hours }) => slow(ctx, hours),
    }),
  }),
  commands: ({ command }) => ({
    status: command({
      description: 'How the bot is, with a picture of the last hours',
      permission: 'performance.view',
      async run(ctx) {
        await show(ctx, { hours: 6, theme: await themeOf(ctx) }, 'send')
      },
    }),
    slow: command({
      description: 'Commands and queries that take longest',
      permission: 'performance.view',
      args: z.object({
        hours: z.coerce
          .number()
          .min(1)
          .max(24 * 365)
          .default(6),
      }),
      run: (ctx, { hours }) => slow(ctx, hours),
    }),
    heap: command({
      description: 'Write what the memory holds to the disk, for debuggers',
      permission: 'performance.heap',
      chats: 'private',
      confirm: { preview: (ctx) => ctx.t('heap.preview') },
      async run(ctx) {
        try {
          const { overview } = ctx.use
          const { file, mib, ms } = await writeSnapshot(ctx.plugin.heapFolder, ctx.now(), (name) =>
            overview.standStill(() => writeHeapSnapshot(name)),
          )
          ctx.log.warn('performance.heap-written', { file, mib, ms })
          return ctx.t('heap.written', { file, mib, seconds: Math.ceil(ms / 1_000) })
        } catch (error) {
          if (error instanceof NoRoom) return ctx.t('heap.noRoom', { mib: error.neededMib })
          throw error
        }
      },
    }),
  }),
  health: ({ check }) => ({
    memory: check(({ memory, limits }) => memory.look(memoryNow(limits.memoryMib))),
    loop: check(({ recorder, limits }) => {
      const { lagMs } = recorder.vitals
      if (lagMs < limits.lagMs) return undefined
      return { status: 'degraded', detail: `${Math.round(lagMs)} ms late` }
    }),
  }),
})
