import { EventEmitter } from 'node:events'
import { ulid } from 'ulid'
import type { Config } from '../../../config/config.ts'
import type { App, AppParts, createApp } from '../../app.ts'
import { startFakeBotApi } from '../bot-api/server.ts'
import { mountPlayground } from './playground.ts'
import { passOnReloads } from './reload-notices.ts'
import { createScene, type PlaygroundPerson, playgroundIds } from './scene.ts'
import type { ReloadNotices } from './stream.ts'

/** Starts the app on a fake Bot API of its own, with the page to chat with it. */
export async function openPlayground(
  config: Config,
  parts: AppParts,
  create: typeof createApp,
): Promise<App> {
  const api = await startFakeBotApi({ botUsername: 'opsgram_bot', botName: 'Opsgram' })
  const people = createScene(api)
  const notices: ReloadNotices = new EventEmitter()
  try {
    const app = await create(
      {
        ...config,
        telegram: { ...config.telegram, token: api.token, apiRoot: api.url },
        access: { ...config.access, adminIds: [playgroundIds.owner] },
      },
      {
        ...parts,
        // the first that a person wants to know
        bound: (url) => parts.log.info('playground.open', { url: `${url}/playground` }),
        seed: (database) => seedPeople(database, people),
        mount: (http, reloads) => {
          mountPlayground(http, { api, people, events: notices })
          http.get('/', (_request, reply) => reply.redirect('/playground'))
          passOnReloads(reloads, notices, parts.log)
        },
      },
    )
    return { ...app, stop: () => app.stop().finally(() => api.close()) }
  } catch (error) {
    await api.close()
    throw error
  }
}

/** The operator has a role from the start; what else people become is done in the chat. */
async function seedPeople(
  database: Parameters<NonNullable<AppParts['seed']>>[0],
  people: readonly PlaygroundPerson[],
): Promise<void> {
  const operator = people.find(({ person }) => person.id === playgroundIds.operator)?.person.user
  if (operator === undefined) return
  await database.query(
    `insert into bot_users (id, telegram_id, username, first_name, last_name, language, role, status)
     values ($1, $2, $3, $4, $5, $6, 'operator', 'active') on conflict do nothing`,
    [
      ulid(),
      operator.id,
      operator.username ?? null,
      operator.first_name,
      operator.last_name ?? null,
      operator.language_code ?? null,
    ],
  )
}
