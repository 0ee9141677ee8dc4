import { buttons, definePlugin, duration, message } from 'opsgram'
import { z } from 'zod'
import { WorklogEntry } from './entities.ts'
import { formatMinutes } from './format.ts'
import { entriesOf, isBy, journal } from './journal.ts'
import { period } from './period.ts'
import { sheetsStub } from './sheets.ts'
import { ticketIn } from './ticket.ts'
import { undo } from './undo.ts'

const maxMinutes = 24 * 60

export default definePlugin({
  name: 'worklog',
  version: '1.0.0',
  description: 'Journal of works',
  engine: '^1.0.0',
  config: z.object({ spreadsheetId: z.string().optional() }),
  permissions: {
    'worklog.write': { description: 'Write down own work', roles: ['admin', 'operator'] },
    'worklog.read': { description: 'See the work of all', roles: ['admin', 'operator'] },
    'worklog.sync': { description: 'Copy the journal to the spreadsheet', roles: ['admin'] },
  },
  entities: [WorklogEntry],
  setup: ({ config: { spreadsheetId } }) => ({
    sheets: spreadsheetId === undefined ? undefined : sheetsStub(spreadsheetId),
  }),
  actions: ({ action }) => ({
    undo: action({
      label: 'Undo',
      data: z.object({ id: z.string() }),
      permission: 'worklog.write',
      run: (ctx, { id }) => undo(ctx, id),
    }),
  }),
  commands: ({ command }) => ({
    log: command({
      description: 'Write down work done',
      permission: 'worklog.write',
      args: z.object({ duration: duration(), text: z.string().min(3) }),
      run(ctx, args) {
        const minutes = Math.round(args.duration / 60_000)
        if (minutes < 1 || minutes > maxMinutes) return ctx.t('log.length')
        const ticket = ticketIn(args.text)
        const entry = ctx.em.create(WorklogEntry, {
          author: ctx.actor.id,
          text: args.text,
          minutes,
          ticket,
          workedAt: new Date(ctx.message.date * 1000),
          chatId: ctx.chat.id,
        })
        const saved = { duration: formatMinutes(minutes, ctx.language), text: args.text, ticket }
        return message(
          ctx.t(ticket === undefined ? 'log.saved' : 'log.savedFor', saved),
          buttons(ctx.button('undo', { id: entry.id })),
        )
      },
    }),
    worklog: command({
      description: 'The journal of works',
      subcommands: {
        list: command({
          description: 'Who did what, with totals',
          permission: 'worklog.read',
          args: z.object({
            period: period().default({ kind: 'today' }),
            person: z.string().optional(),
          }),
          async run(ctx, { period, person }) {
            const entries = await entriesOf(ctx, period)
            const wanted = person === undefined ? entries : entries.filter((e) => isBy(e, person))
            return journal(wanted, period, ctx)
          },
        }),
        sync: command({
          description: 'Copy today’s entries to the spreadsheet',
          permission: 'worklog.sync',
          async run(ctx) {
            const { sheets } = ctx.plugin
            if (sheets === undefined) return ctx.t('sheets.unset')
            const entries = await entriesOf(ctx, { kind: 'today' })
            const written = await sheets.append(entries)
            const { kind, spreadsheetId } = sheets
            return ctx.t(`sheets.${kind}`, { count: entries.length, written, spreadsheetId })
          },
        }),
      },
    }),
  }),
  personalData: {
    export: ({ id }, { em }) =>
      em.execute(
        `select text, minutes, ticket, worked_at, chat_id, created_at, deleted_at from worklog_entries
         where author_id = ? order by worked_at limit 10000`,
        [id],
      ),
    // the journal is the team's: what was done stays, by nobody in particular
    erase: () => 0,
  },
})
