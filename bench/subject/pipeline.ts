import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { Update, UserFromGetMe } from 'telegraf/types'
import { systemClock } from '../../core/clock.ts'
import type { Database } from '../../core/database/connection.ts'
import { coreEntities } from '../../core/database/entities/index.ts'
import { HttpCalls } from '../../core/http/client/client.ts'
import { createExchange } from '../../core/http/client/exchange.ts'
import { Metrics } from '../../core/http/metrics/metrics.ts'
import { coreTexts } from '../../core/i18n/core-texts.ts'
import { JobQueue } from '../../core/job/queue.ts'
import { createLogger } from '../../core/log/logger.ts'
import { Outbox } from '../../core/outbox/outbox.ts'
import { ButtonStore } from '../../core/plugin/button/store.ts'
import { KeptBuilds } from '../../core/plugin/code/kept-builds.ts'
import { PluginStacks } from '../../core/plugin/code/stack.ts'
import { Timings } from '../../core/plugin/offered/timings.ts'
import { acceptEverything } from '../../core/plugin/opening/baseline.ts'
import { Reloader } from '../../core/plugin/reload/reloader.ts'
import { UpdateRun } from '../../core/plugin/run/run.ts'
import { ContentSender } from '../../core/plugin/run/sender.ts'
import { Sessions } from '../../core/session/sessions.ts'
import { MemoryStore } from '../../core/store/memory.ts'
import { createCallbackCodec } from '../../core/telegram/callback.ts'
import { factsOf } from '../../core/telegram/facts.ts'
import { createGateway } from '../../core/telegram/gateway.ts'
import { ButtonReader } from '../../core/update/button-reader.ts'
import { Confirmations } from '../../core/update/confirmation/confirmations.ts'
import { Dialogs } from '../../core/update/dialog/dialogs.ts'
import { Dispatcher } from '../../core/update/dispatcher.ts'
import { Gate } from '../../core/update/gate.ts'
import { UpdateHandling } from '../../core/update/handling.ts'
import type { Inbox } from '../../core/update/inbox/inbox.ts'
import { Throttle } from '../../core/update/throttle/throttle.ts'

/** The program's way from a parsed update to the handler's return, on real plugins, without Telegram. */
export interface Pipeline {
  /** Facts, run, dispatcher, handler. */
  dispatch(update: Update): Promise<void>
  /** All that is done for an update between the inbox's two statements. */
  handle(update: Update): Promise<void>
  stop(): Promise<void>
}

export interface PipelineOptions {
  botInfo: UserFromGetMe
  database: Database
  /** Folder of plugin folders. */
  plugins: string
}

const defaults = { language: 'en', timeZone: 'UTC' }

/** The log of the program, written to nowhere. */
export function quietLog() {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  return createLogger({ level: 'info', format: 'json', output })
}

export async function openPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { botInfo, database } = options
  const log = quietLog()
  const token = `${botInfo.id}:bench`
  const stacks = new PluginStacks()
  const calls = new HttpCalls({
    exchange: createExchange(),
    clock: systemClock,
    log,
    redact: (text) => text,
    record: () => undefined,
    userAgent: 'bench',
    guard: () => undefined,
  })
  const queue = new JobQueue({ database, log, migrations: 'auto', now: undefined, instance: 'one' })
  const memory = new MemoryStore(log)
  const reloader = await Reloader.create({
    disabled: new Set(),
    access: acceptEverything,
    kept: new KeptBuilds({ dir: join(options.plugins, '.builds'), coreVersion: '1.0.0', log }),
    database,
    coreEntities,
    coreServices: [],
    calls,
    store: memory,
    queue,
    migrations: 'auto',
    others: async () => [],
    prepare: {
      roots: [options.plugins],
      packages: { names: [], from: '/' },
      stacks,
      importShared: (specifier) => import(specifier),
      settingsOf: () => ({}),
      defaultLanguage: defaults.language,
      coreVersion: '1.0.0',
      evaluateTimeoutMs: 10_000,
      log,
    },
    log,
    clock: systemClock,
  })
  await reloader.start()
  const failed = reloader.list().filter(({ state }) => state !== 'active')
  if (failed.length > 0) throw new Error(JSON.stringify(failed))

  const { live } = reloader
  // nothing listens there: a handler of this benchmark calls nobody
  const gateway = createGateway({ token, apiRoot: 'http://127.0.0.1:9', log })
  const codec = createCallbackCodec(token)
  const texts = coreTexts(defaults.language)
  const store = new ButtonStore({ database, log })
  const sender = new ContentSender({ codec, store })
  const outbox = new Outbox({ database, gateway, instance: 'bench', clock: systemClock, log })
  const gate = new Gate([])
  const dispatcher = new Dispatcher({
    botInfo,
    gate,
    confirmations: new Confirmations({ database, texts, gate }),
    dialogs: new Dialogs({ sessions: new Sessions({ database, log }), texts }),
    cards: { press: async () => ({ text: '' }) },
    texts,
    buttons: new ButtonReader({ codec, store }),
    timings: new Timings(new Metrics()),
    throttle: new Throttle({ store: memory, texts, person: undefined, chat: undefined }),
    states: () => [],
  })
  const handling = new UpdateHandling({
    live,
    dispatcher,
    gateway,
    sender,
    states: { find: async () => undefined },
    outbox,
    database,
    queue,
    calls,
    botInfo,
    texts,
    defaults,
    chats: { of: () => undefined, look: async () => undefined },
    stacks,
    log,
    clock: systemClock,
    limitMs: 60_000,
    settled: () => undefined,
  })
  // only what an update without changes asks of an inbox, which knows of a person who is alone that no dialog is open
  const inbox = { done: () => undefined, hasNoDialog: () => true } as unknown as Inbox

  return {
    async dispatch(update) {
      const facts = factsOf(update)
      const { signal } = new AbortController()
      const run = new UpdateRun({
        update,
        facts,
        generation: live.current,
        telegram: gateway.with({ signal, updateId: facts.updateId }),
        botInfo,
        sender,
        defaults,
        chat: undefined,
        signal,
        authEpoch: undefined,
        noDialog: true,
        acceptedAt: performance.now(),
        cancelled: undefined,
        clock: systemClock,
        calls,
        commitNow: async () => undefined,
        log: log.child({ updateId: facts.updateId, generation: live.current.id }),
      })
      await dispatcher.dispatch(run, (admit) => admit())
    },
    handle: (update) =>
      handling.handle(
        {
          update,
          facts: factsOf(update),
          part: 0,
          endings: 0,
          acceptedAt: performance.now(),
          authEpoch: undefined,
          noDialog: true,
          isFound: false,
        },
        inbox,
      ),
    async stop() {
      handling.stop()
      store.stop()
      await reloader.stop()
      await gateway.close()
      await log.close()
    },
  }
}
