/** `/echo <n>` answers `v<version> n<n>`; `/slow <seconds>` takes that long and tells its version. */
export const echoPlugin = (version: number, isBroken = false) => `
import { definePlugin } from 'opsgram'
import { z } from 'zod'
export default definePlugin({
  name: 'echo',
  version: '1.0.${version}',
  commands: ({ command }) => ({
    echo: command({
      description: 'Echoes',
      args: z.object({ n: z.number() }),
      run: (_ctx, { n }) => 'v${version} n' + n,
    }),
    slow: command({
      description: 'Takes its time',
      args: z.object({ seconds: z.number() }),
      async run(ctx, { seconds }) {
        ctx.log.info('echo.slow')
        await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
        return 'slow v${version}'
      },
    }),
  }),
})
${isBroken ? 'export const = 1' : ''}
`

/** Tells twice a second when a timer of 1 ms came late by 2 ms and more: when, and by how much. */
export const probePlugin = `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'probe',
  version: '1.0.0',
  setup(scope) {
    let blocks = []
    let last = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      const ms = now - last - 1
      if (ms >= 2) blocks.push({ at: performance.timeOrigin + now, ms })
      last = now
    }, 1)
    scope.onDispose(() => clearInterval(timer))
    scope.interval(500, () => {
      if (blocks.length > 0) scope.log.info('probe.blocks', { blocks })
      blocks = []
    })
  },
})
`
