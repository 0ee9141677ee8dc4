import { EventEmitter } from 'node:events'
import { resolve } from 'node:path'
import type { Config } from '../../../config/config.ts'
import { loadConfig, readEnvironment } from '../../configuration.ts'
import { createLogger, type RootLogger } from '../../log/logger.ts'
import { watchFolders } from '../../plugin/code/watcher.ts'
import type { PlaygroundNotices } from '../../testing/playground/notices.ts'
import { type PlaygroundWorld, startPlaygroundWorld } from '../../testing/playground/open.ts'
import type { TypeProblem } from '../types/types.ts'
import { TypeWatch } from '../types/watch.ts'
import { devArguments } from './arguments.ts'
import { watchCore } from './core-watch.ts'
import { type Front, openFront } from './front.ts'
import type { FromBot } from './message.ts'
import { type DevPlugins, dataDir, devPlugins, isUnder, ownFolders } from './plugins.ts'
import { Supervisor } from './supervisor.ts'
import { typeNotice } from './type-notice.ts'

/** What a stop may take beyond the bot's own limit, ms. */
const stopSlackMs = 5_000
/** Ctrl-C through npm arrives twice within milliseconds; a signal after this long means "at once". */
const sameSignalMs = 1_000

/**
 * `opsgram dev`: the bot in a process of its own, started anew when its core or settings change; the playground's
 * chats, the page and the check of types stay. Ends by SIGINT or SIGTERM.
 */
export async function devCommand(args: readonly string[]): Promise<number> {
  const { paths, nodeArgs, playground, types } = devArguments(args)
  const plugins = devPlugins(paths)
  const dir = dataDir(plugins, readEnvironment({ file: resolve('.env'), real: process.env }))
  const env = { ...process.env, ...(dir !== undefined && { DATA_DIR: dir }) }
  const envFile = resolve('.env')
  const omit = playground ? ['BOT_TOKEN'] : []
  const { config } = loadConfig(readEnvironment({ file: envFile, real: env, omit }))
  const { level, format } = config.log
  // the bot alone writes files
  const log = createLogger({ level, format, secrets: config.secrets, output: process.stdout })
  const session = new DevSession({ config, plugins, env, envFile, nodeArgs, types, log })
  try {
    await session.open()
    await signalled(() => session.kill())
    return 0
  } finally {
    await session.close()
    await log.close()
  }
}

function signalled(again: () => void): Promise<void> {
  return new Promise((done) => {
    let first: number | undefined
    const onSignal = () => {
      const now = performance.now()
      if (first !== undefined && now - first > sameSignalMs) {
        again()
        process.exit(1)
      }
      first ??= now
      done()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })
}

interface SessionOptions {
  readonly config: Config
  readonly plugins: DevPlugins
  readonly env: NodeJS.ProcessEnv
  readonly envFile: string
  readonly nodeArgs: readonly string[]
  readonly types: boolean
  readonly log: RootLogger
}

/** All that one call of `opsgram dev` holds open. */
class DevSession {
  readonly #options: SessionOptions
  readonly #notices: PlaygroundNotices = new EventEmitter()
  readonly #closers: (() => unknown)[] = []
  #bot: Supervisor | undefined
  #front: Front | undefined
  #types: TypeWatch | undefined
  /** Why the bot is started anew, until it has. */
  #restarting: { why: string; since: number } | undefined
  #hadTypeErrors = false

  constructor(options: SessionOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    const { config, plugins, env, nodeArgs, types, log } = this.#options
    const world = config.mode === 'playground' ? await this.#openPlayground() : undefined
    this.#bot = new Supervisor({
      settings: {
        plugins,
        ...(world && { fake: { token: world.api.token, url: world.api.url } }),
      },
      nodeArgs,
      env,
      log,
      stopLimitMs: config.shutdownTimeoutMs + stopSlackMs,
      onMessage: (message) => this.#onMessage(message),
      onEnd: (end) => this.#onEnd(end),
    })
    this.#bot.start()
    if (types) {
      this.#types = new TypeWatch({
        dirs: () => ownFolders(plugins),
        onResult: (problems) => this.#onTypes(problems),
        onError: (error) => log.error('types.not-checked', { error }),
      })
    }
    this.#watch()
  }

  async close(): Promise<void> {
    this.#types?.close()
    await this.#bot?.stop()
    for (const close of this.#closers.splice(0).reverse()) await close()
  }

  kill(): void {
    this.#bot?.kill()
  }

  async #openPlayground(): Promise<PlaygroundWorld> {
    const { config, log } = this.#options
    const world = await startPlaygroundWorld()
    this.#closers.push(() => world.api.close())
    const { host, port } = config.http
    const front = await openFront({ host, port, world, notices: this.#notices })
    this.#closers.push(() => front.close())
    this.#front = front
    log.info('http.listening', { port: front.port, host, url: front.url })
    log.info('playground.open', { url: `${front.url}/playground` })
    return world
  }

  #watch(): void {
    const { plugins, envFile, log } = this.#options
    const { roots, spare } = plugins
    const folders = watchFolders({
      roots: roots.filter((root) => root !== spare),
      accepts: (folder) => isUnder(plugins, folder),
      onChange: async () => {
        this.#types?.check()
        // it may have been a plugin that ended the bot
        this.#startIfDown()
      },
      onError: (error) => log.error('plugin.watch-failed', { error }),
    })
    const core = watchCore({
      envFile,
      onCode: (file) => this.#restart(`${file} changed`),
      onOwnCode: (file) => {
        const hint = 'opsgram dev itself runs it: end it by Ctrl-C and start it again.'
        log.warn('dev.restart-needed', { file, hint })
      },
      onEnvironment: () => this.#startIfDown(),
    })
    this.#closers.push(
      () => folders.close(),
      () => core.close(),
    )
  }

  #restart(why: string): void {
    this.#restarting ??= { why, since: performance.now() }
    if (this.#front !== undefined) this.#front.target = undefined
    this.#options.log.info('dev.restarting', { why })
    this.#notices.emit('notice', work(true, `Starting anew: ${why}`))
    void this.#bot?.restart()
  }

  #startIfDown(): void {
    if (this.#bot?.isRunning === false) this.#restart('it had ended')
  }

  #onMessage(message: FromBot): void {
    if (message.type === 'bound') {
      if (this.#front !== undefined) this.#front.target = message.url
    } else if (message.type === 'started') this.#onStarted()
    else if (message.type === 'notice') this.#notices.emit('notice', message.notice)
    else this.#restart(`${message.variables.join(', ')} changed`)
  }

  #onStarted(): void {
    const { log } = this.#options
    const { why, since } = this.#restarting ?? {}
    this.#restarting = undefined
    if (since !== undefined) {
      const ms = Math.round(performance.now() - since)
      log.info('dev.restarted', { why, ms })
      const title = `It runs again, ${(ms / 1000).toFixed(1)} s later`
      this.#notices.emit('notice', work(true, title))
    }
    // not earlier: the compiler takes what the bot needs to start
    else this.#types?.check()
  }

  #onEnd({ code, signal, output }: { code: number | null; signal: string | null; output: string }) {
    if (this.#front !== undefined) this.#front.target = undefined
    const hint = 'It is started again at the next save.'
    this.#options.log.error('dev.bot-ended', { code, signal, hint })
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`
    const title = `The bot has ended ${how}`
    this.#notices.emit('notice', {
      ...work(false, title),
      message: hint,
      ...(output !== '' && { frame: this.#options.log.redact(output) }),
    })
  }

  #onTypes(problems: readonly TypeProblem[] | undefined): void {
    const { log } = this.#options
    if (problems === undefined) {
      const hint = 'Install a compiler: npm install --save-dev typescript'
      log.warn('types.not-checked', { hint })
      return
    }
    for (const problem of problems) {
      const { file, line, column, text, frame } = problem
      log.error('types.wrong', { file, line, column, message: text, frame })
    }
    if (problems.length > 0 || this.#hadTypeErrors) {
      this.#notices.emit('notice', typeNotice(problems))
    }
    if (problems.length === 0) log.info('types.right')
    this.#hadTypeErrors = problems.length > 0
  }
}

function work(ok: boolean, title: string) {
  return { type: 'work', topic: 'program', ok, title } as const
}
