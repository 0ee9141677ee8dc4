import { definePlugin, Plugins, Settings } from 'opsgram'
import { z } from 'zod'
import { checklist } from './checklist.ts'
import { details, find, overview } from './help.ts'
import { isFirstVisit } from './visit.ts'
import { whoami } from './whoami.ts'

export default definePlugin({
  name: 'start',
  version: '1.0.0',
  description: 'First steps, help, and who you are',
  engine: '^1.0.0',
  uses: { plugins: Plugins, settings: Settings },
  commands: ({ command }) => ({
    start: command({
      description: 'Begin here',
      async run(ctx) {
        const { actor, t, use } = ctx
        const greeting = `${t('greeting', { name: actor.name })}\n\n${t('about')}`
        // a checklist is for the owner alone: not in a group, and not when notices are off
        const mayWelcome = actor.role === 'owner' && ctx.facts.chatType === 'private'
        if (!mayWelcome || !use.settings.notices || !(await isFirstVisit(ctx))) return greeting
        return `${greeting}\n\n${await checklist(ctx, use)}`
      },
    }),
    help: command({
      description: 'What you can use here, or how one command works',
      args: z.object({ command: z.string().optional() }),
      run(ctx, args) {
        const { plugins } = ctx.use
        const commands = plugins.commandsFor(ctx)
        if (args.command === undefined) return overview(commands, plugins.list(ctx.language), ctx.t)
        const found = find(commands, args.command)
        if (found === undefined) return ctx.t('help.unknown', { command: args.command })
        return details(found, ctx.t)
      },
    }),
    whoami: command({
      description: 'Your id, role and permissions',
      run: (ctx) => whoami(ctx, ctx.use.plugins.permissionsFor(ctx)),
    }),
  }),
})
