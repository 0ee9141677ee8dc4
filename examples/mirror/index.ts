import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'mirror',
  version: '1.0.0',
  description: 'Copies packages every hour',
  config: z.object({ source: z.string().default('packages.example.net') }),
  setup(scope) {
    const copied = { at: scope.now(), source: scope.config.source }
    scope.interval(3_600_000, () => {
      if (copied.source !== 'nowhere') copied.at = scope.now()
    })
    return { copied, now: () => scope.now() }
  },
  health: ({ check }) => ({
    // returning nothing: all is well; throwing: down
    source: check(({ copied }) => {
      if (copied.source === 'nowhere') throw new Error('MIRROR_SOURCE leads nowhere')
      return undefined
    }),
    age: check(({ copied, now }) => {
      const hours = Math.floor((now().getTime() - copied.at.getTime()) / 3_600_000)
      return hours < 2 ? undefined : { status: 'degraded', detail: `${hours} h old` }
    }),
  }),
})
