import { definePlugin } from 'opsgram'

export default definePlugin({
  name: 'dumps',
  version: '1.0.0',
  description: 'Complains when the last backup is a day old',
  setup(scope) {
    const state = { last: scope.now(), late: false }
    scope.interval(3_600_000, () => {
      state.late = scope.now().getTime() - state.last.getTime() >= 24 * 3_600_000
      if (state.late) scope.log.warn('backup.late', { last: state.last.toISOString() })
    })
    return state
  },
  commands: ({ command }) => ({
    backup: command({
      description: 'How the backup is; with a caption of a file: that it was made',
      run(ctx) {
        if ('document' in ctx.message) {
          ctx.plugin.last = ctx.now()
          ctx.plugin.late = false
          return 'Thank you.'
        }
        return ctx.replyWithDocument(
          {
            source: Buffer.from(`last,${ctx.plugin.last.toISOString()}\n`),
            filename: 'backup.csv',
          },
          { caption: ctx.plugin.late ? 'The last backup is too old.' : 'All is well.' },
        )
      },
    }),
  }),
})
