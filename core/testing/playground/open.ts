import type { Config } from '../../../config/config.ts'
import type { App, AppParts, createApp } from '../../app.ts'
import { startFakeBotApi } from '../bot-api/server.ts'

/** Telegram never issues ids this high, so no role given here can survive into a real bot. */
const firstId = 8_000_000_000_000_000

export const people = {
  owner: {
    id: firstId + 1,
    first_name: 'Olga',
    last_name: 'Owner',
    username: 'olga',
    language_code: 'en',
  },
  operator: {
    id: firstId + 2,
    first_name: 'Oleg',
    last_name: 'Operator',
    username: 'oleg',
    language_code: 'ru',
  },
  stranger: {
    id: firstId + 3,
    first_name: 'Sam',
    last_name: 'Stranger',
    username: 'sam',
    language_code: 'en',
  },
} as const

/** Starts the app on a fake Bot API of its own, with the page to chat with it. */
export async function openPlayground(
  config: Config,
  parts: AppParts,
  create: typeof createApp,
): Promise<App> {
  const api = await startFakeBotApi({ botUsername: 'opsgram_bot' })
  const app = await create(
    {
      ...config,
      telegram: { ...config.telegram, token: api.token, apiRoot: api.url },
      access: { ...config.access, adminIds: [people.owner.id] },
    },
    parts,
  )
  return { ...app, stop: () => app.stop().finally(() => api.close()) }
}
