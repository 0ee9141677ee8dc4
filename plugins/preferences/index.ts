import { buttons, Chats, definePlugin, edit, message, Plugins, Settings } from 'opsgram'
import { z } from 'zod'
import { type Choice, type Chooser, choose, mayChoose } from './choose.ts'
import { languageName, languageNamed } from './languages.ts'
import { timeIn, zonesNamed } from './zones.ts'

/** A language or a zone; null: as before anybody chose. */
const choice = z.object({ to: z.string().nullable() })

/** More than these are no choice: a longer word finds fewer. */
const mostZones = 12
const perRow = 2

export default definePlugin({
  name: 'preferences',
  version: '1.0.0',
  description: 'Language and time zone, of people and of chats',
  engine: '^1.0.0',
  uses: { chats: Chats, plugins: Plugins, settings: Settings },
  permissions: {
    'preferences.chat': {
      description: 'Choose the language and the time zone of a chat',
      roles: ['admin'],
    },
  },
  setup: (scope) => ({ texts: (language?: string) => scope.texts(language) }),
  actions: ({ action }) => ({
    language: action({
      label: 'Language',
      data: choice,
      run: async (ctx, { to }) => edit(await choose(ctx, { kind: 'language', to })),
    }),
    zone: action({
      label: 'Time zone',
      data: choice,
      run: async (ctx, { to }) => edit(await choose(ctx, { kind: 'timeZone', to })),
    }),
  }),
  commands: ({ command }) => ({
    language: command({
      description: 'In which language I answer',
      args: z.object({ language: z.string().max(64).optional() }),
      async run(ctx, { language: named }) {
        const { t, language } = ctx
        if (!mayChoose(ctx)) return t('refused')
        const spoken = ctx.use.plugins.languages()
        const found = named === undefined ? undefined : languageNamed(named, spoken)
        if (found !== undefined) return choose(ctx, { kind: 'language', to: found })
        const keys = spoken.map((tag) =>
          ctx.button('language', { to: tag }, { label: languageName(tag, tag) }),
        )
        const back = ctx.button(
          'language',
          { to: null },
          { label: t(`language.back.${placeOf(ctx)}`) },
        )
        const head =
          named === undefined
            ? t(`language.now.${whoseNow(ctx, 'language')}`, {
                language: languageName(language, language),
              })
            : t('language.unknown', { named })
        return message(`${head}\n${t('language.ask')}`, buttons(...rowsOf(keys), [back]))
      },
    }),
    timezone: command({
      description: 'By which clock I tell times',
      args: z.object({ place: z.string().max(64).optional() }),
      async run(ctx, { place }) {
        const { t, language, timeZone } = ctx
        if (!mayChoose(ctx)) return t('refused')
        const back = ctx.button('zone', { to: null }, { label: t(`zone.back.${placeOf(ctx)}`) })
        if (place === undefined) {
          const time = timeIn(timeZone, ctx.now(), language)
          const head = t(`zone.now.${whoseNow(ctx, 'timeZone')}`, { timeZone, time })
          return message(`${head}\n${t('zone.ask')}`, buttons([back]))
        }
        const found = await zonesNamed(place, language)
        const [only] = found
        if (only === undefined) return t('zone.unknown', { place })
        if (found.length === 1) return choose(ctx, { kind: 'timeZone', to: only.zone })
        if (found.length > mostZones) return t('zone.many', { count: found.length, place })
        const keys = found.map(({ zone, name }) =>
          ctx.button(
            'zone',
            { to: zone },
            { label: `${name} ${timeIn(zone, ctx.now(), language)}` },
          ),
        )
        return message(t('zone.which', { place }), buttons(...rowsOf(keys), [back]))
      },
    }),
  }),
})

function placeOf({ facts }: { readonly facts: { readonly chatType?: string } }): 'you' | 'chat' {
  return facts.chatType === 'private' ? 'you' : 'chat'
}

/** A group for which nobody chose has none of its own: each person's holds. */
function whoseNow(
  ctx: Pick<Chooser, 'facts' | 'use'>,
  kind: Choice['kind'],
): 'you' | 'chat' | 'each' {
  const { chatId } = ctx.facts
  if (placeOf(ctx) === 'you') return 'you'
  return chatId !== undefined && ctx.use.chats.of(chatId)[kind] != null ? 'chat' : 'each'
}

function rowsOf<T>(keys: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(keys.length / perRow) }, (_, row) =>
    keys.slice(row * perRow, (row + 1) * perRow),
  )
}
