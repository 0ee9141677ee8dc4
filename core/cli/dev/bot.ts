// The bot that `opsgram dev` runs: a process of its own, so that it can be started anew while the chats stay.
import { EventEmitter } from 'node:events'
import inspector from 'node:inspector'
import { resolve } from 'node:path'
import type { Config } from '../../../config/config.ts'
import { runProcess } from '../../app/process.ts'
import type { App, AppParts } from '../../app.ts'
import type { Logger } from '../../log/logger.ts'
import type { PlaygroundNotices } from '../../testing/playground/notices.ts'
import type { BotSettings, FromBot } from './message.ts'
import { isUnder } from './plugins.ts'

// `opsgram dev` made this text from the same type
const { plugins, fake } = JSON.parse(process.argv[2] ?? '{}') as BotSettings

const tell = (message: FromBot) => void process.send?.(message)

// nobody could see it, stop it or talk to it any more
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'))

process.exitCode = await runProcess({
  sources: {
    file: resolve('.env'),
    real: process.env,
    ...(fake !== undefined && { omit: ['BOT_TOKEN'] }),
  },
  start,
  coreChanged: (variables) => tell({ type: 'settings', variables }),
})
// the end of the process would wait until the debugger goes
inspector.close()
process.exit()

async function start(config: Config, parts: AppParts): Promise<App> {
  const { createApp } = await import('../../app.ts')
  const settings = { ...config, plugins: { ...config.plugins, dirs: plugins.roots, watch: true } }
  const own: AppParts = {
    ...parts,
    accepts: (folder) => isUnder(plugins, folder),
    acceptsOpenings: true,
  }
  const app =
    fake === undefined
      ? await createApp(settings, own)
      : await startOnFake(settings, own, fake, createApp)
  tell({ type: 'started' })
  return app
}

async function startOnFake(
  config: Config,
  parts: AppParts,
  api: NonNullable<BotSettings['fake']>,
  create: (config: Config, parts: AppParts) => Promise<App>,
): Promise<App> {
  const { playgroundConfig, seedPeople } = await import('../../testing/playground/open.ts')
  const { passOnReloads } = await import('../../testing/playground/reload-notices.ts')
  const notices: PlaygroundNotices = new EventEmitter()
  notices.on('notice', (notice) => tell({ type: 'notice', notice }))
  // people come in by the address of `opsgram dev`, which passes on what isn't the playground's
  const behind = { ...config, http: { ...config.http, port: 0 } }
  return create(playgroundConfig(behind, api), {
    ...parts,
    log: withoutAddress(parts.log),
    bound: (url) => tell({ type: 'bound', url }),
    seed: seedPeople,
    mount: (_http, reloads) => passOnReloads(reloads, notices, parts.log),
  })
}

/** The log, without the address that is nobody's business. */
function withoutAddress(log: Logger): Logger {
  return {
    debug: (event, fields) => log.debug(event, fields),
    info: (event, fields) => {
      if (event !== 'http.listening') log.info(event, fields)
    },
    warn: (event, fields) => log.warn(event, fields),
    error: (event, fields) => log.error(event, fields),
    child: (fields) => log.child(fields),
    redact: (text) => log.redact(text),
  }
}
