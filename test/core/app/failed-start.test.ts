import { expect } from 'chai'
import { createApp } from '../../../core/app.ts'
import { loadConfig } from '../../../core/configuration.ts'
import type { Logger } from '../../../core/log/logger.ts'
import { startFakeBotApi } from '../../../core/testing/bot-api/server.ts'
import { freshDatabase } from '../../support/database.ts'
import { freshFolder } from '../../support/folders.ts'
import { recordingLog } from '../../support/log.ts'

describe('a start that fails at its very end', function () {
  this.timeout(60_000)

  it('leaves nothing behind that takes updates', async () => {
    const api = await startFakeBotApi()
    const database = await freshDatabase({ migrated: true })
    const { log, lines } = recordingLog()
    // the last thing that a start does
    const failing: Logger = {
      ...bound(log),
      info(event, fields) {
        if (event === 'app.started') throw new Error('it fails here')
        log.info(event, fields)
      },
    }
    const { config } = loadConfig({
      BOT_TOKEN: api.token,
      TELEGRAM_API_ROOT: api.url,
      ADMIN_IDS: '1',
      HTTP_PORT: '0',
      NOTICES: 'false',
      PLUGINS_WATCH: 'false',
      DATA_DIR: freshFolder(),
      PLUGINS_DIR: freshFolder(),
    })
    try {
      const error = await createApp(config, { log: failing, version: '1.0.0', database }).then(
        () => undefined,
        (failure: unknown) => failure,
      )
      expect(error).to.have.property('message', 'it fails here')
      const events = lines.map(({ event }) => event)
      expect(events).to.include('telegram.polling.started')
      expect(events).to.include('telegram.polling.stopped')
      expect(events).not.to.include('app.close-failed')
    } finally {
      await database.close()
      await api.close()
    }
  })
})

function bound(log: Logger): Logger {
  return {
    debug: (event, fields) => log.debug(event, fields),
    info: (event, fields) => log.info(event, fields),
    warn: (event, fields) => log.warn(event, fields),
    error: (event, fields) => log.error(event, fields),
    child: (fields) => log.child(fields),
    redact: (text) => log.redact(text),
  }
}
