import { definePlugin, Traffic } from 'opsgram'
import { z } from 'zod'

/** What lives on when a new version is saved. */
const counts = z.object({ rounds: z.number(), sent: z.number() })

export default definePlugin({
  name: 'watchdog',
  version: '1.0.0',
  description: 'Looks around every minute',
  uses: { traffic: Traffic },
  setup(scope) {
    const state = scope.carry(counts, 1, () => ({ rounds: 0, sent: 0 }))
    scope.interval(60_000, () => {
      state.rounds++
    })
    scope.listen(scope.use.traffic, 'call', ({ method }) => {
      if (method === 'sendMessage') state.sent++
    })
    scope.onDispose(() => scope.log.info('watchdog.ended', { rounds: state.rounds }))
    return state
  },
  commands: ({ command }) => ({
    watchdog: command({
      description: 'What it has seen',
      run: ({ plugin }) => `${plugin.rounds} rounds, ${plugin.sent} messages sent.`,
    }),
  }),
})
