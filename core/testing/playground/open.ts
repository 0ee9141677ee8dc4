import { EventEmitter } from 'node:events'
import { ulid } from 'ulid'
import type { Config } from '../../../config/config.ts'
import type { App, AppParts, createApp } from '../../app.ts'
import type { Database } from '../../database/connection.ts'
import type { FakeBotApi } from '../bot-api/api.ts'
import { startFakeBotApi } from '../bot-api/server.ts'
import type { PlaygroundNotices } from './notices.ts'
import { mountPlayground } from './playground.ts'
import { passOnReloads } from './reload-notices.ts'
import { createScene, type PlaygroundPerson, playgroundIds, playgroundPeople } from './scene.ts'

/** A fake Telegram with the people and chats of the playground in it. */
export interface PlaygroundWorld {
  readonly api: FakeBotApi
  readonly people: readonly PlaygroundPerson[]
}

export async function startPlaygroundWorld(): Promise<PlaygroundWorld> {
  const api = await startFakeBotApi({ botUsername: 'opsgram_bot', botName: 'Opsgram' })
  return { api, people: createScene(api) }
}

/** Starts the app on a fake Bot API of its own, with the page to chat with it. */
export async function openPlayground(
  config: Config,
  parts: AppParts,
  create: typeof createApp,
): Promise<App> {
  const { api, people } = await startPlaygroundWorld()
  const notices: PlaygroundNotices = new EventEmitter()
  try {
    const app = await create(playgroundConfig(config, api), {
      ...parts,
      // the first that a person wants to know
      bound: (url) => parts.log.info('playground.open', { url: `${url}/playground` }),
      seed: seedPeople,
      mount: (http, reloads) => {
        mountPlayground(http, { api, people, notices })
        http.get('/', (_request, reply) => reply.redirect('/playground'))
        passOnReloads(reloads, notices, parts.log)
      },
    })
    return { ...app, stop: () => app.stop().finally(() => api.close()) }
  } catch (error) {
    await api.close()
    throw error
  }
}

/** The settings of a bot that talks to this fake, with the playground's owner. */
export function playgroundConfig(config: Config, api: { token: string; url: string }): Config {
  return {
    ...config,
    telegram: { ...config.telegram, token: api.token, apiRoot: api.url },
    access: { ...config.access, adminIds: [playgroundIds.owner] },
  }
}

/** The operator has a role from the start; what else people become is done in the chat. */
export async function seedPeople(database: Database): Promise<void> {
  const { username, firstName, lastName, languageCode } = playgroundPeople.operator
  await database.query(
    `insert into bot_users (id, telegram_id, username, first_name, last_name, language, role, status)
     values ($1, $2, $3, $4, $5, $6, 'operator', 'active') on conflict do nothing`,
    [ulid(), playgroundIds.operator, username, firstName, lastName, languageCode],
  )
}
