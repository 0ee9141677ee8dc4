import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { FakeBotApi } from '../../core/testing/bot-api/api.ts'
import { freshFolder } from '../../test/support/folders.ts'

export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string }

const root = path.resolve(import.meta.dirname, '../..')
export const ownerId = 1001

export interface BotOptions {
  api: Pick<FakeBotApi, 'url' | 'token'>
  /** PostgreSQL; without it the embedded database. */
  databaseUrl?: string
  /** `false`: Node's own type stripping instead of tsx. */
  tsx?: boolean
  /** Over the defaults. */
  env?: Readonly<Record<string, string>>
}

export interface Started {
  /** From the start of the process to its log line `app.started`. */
  ms: number
  /** What that line says: from `createApp` on, without loading the code. */
  ownMs: number
}

/** The program as `npm start` runs it, as a process of its own with all first-party plugins. */
export class Bot {
  /** Folder of plugins of its own. */
  readonly plugins: string
  readonly #options: BotOptions
  readonly #folder = freshFolder()
  readonly #lines = new EventEmitter<{ line: [LogLine] }>()
  #log: string[] = []
  #child: ChildProcess | undefined
  #port = 0

  constructor(options: BotOptions) {
    this.#options = options
    this.plugins = path.join(this.#folder, 'plugins')
    mkdirSync(this.plugins)
    this.#lines.setMaxListeners(0)
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get dataDir(): string {
    return path.join(this.#folder, 'data')
  }

  /** Of its HTTP server. */
  get port(): number {
    return this.#port
  }

  async start(): Promise<Started> {
    const { api, databaseUrl, tsx = true, env = {} } = this.#options
    const began = performance.now()
    const child = spawn(process.execPath, [...(tsx ? ['--import', 'tsx'] : []), 'core/main.ts'], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        BOT_TOKEN: api.token,
        TELEGRAM_API_ROOT: api.url,
        ADMIN_IDS: String(ownerId),
        HTTP_PORT: '0',
        LOG_FORMAT: 'json',
        DATA_DIR: this.dataDir,
        PLUGINS_DIR: `${path.join(root, 'plugins')},${this.plugins}`,
        ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#log = []
    createInterface({ input: child.stdout }).on('line', (text) => {
      this.#log.push(text)
      if (this.#log.length > 200) this.#log.splice(0, 100)
      const line = JSON.parse(text) as LogLine
      if (line.event === 'http.listening') this.#port = Number(line.port)
      this.#lines.emit('line', line)
    })
    child.stderr.on('data', (chunk) => this.#log.push(String(chunk)))
    const { ms } = await this.line((line) => line.event === 'app.started', 180_000)
    return { ms: performance.now() - began, ownMs: Number(ms) }
  }

  /** The next log line that matches; ask before causing it. */
  async line(matches: (line: LogLine) => boolean, deadlineMs = 10_000): Promise<LogLine> {
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>()
    const look = (line: LogLine) => {
      if (matches(line)) resolve(line)
    }
    const late = setTimeout(() => {
      reject(
        new Error(`the log line did not come; it ends with\n${this.#log.slice(-20).join('\n')}`),
      )
    }, deadlineMs)
    this.#lines.on('line', look)
    try {
      return await promise
    } finally {
      clearTimeout(late)
      this.#lines.off('line', look)
    }
  }

  /** Tells each log line from now on. */
  follow(read: (line: LogLine) => void): void {
    this.#lines.on('line', read)
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  }

  /** As a crash ends it. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}
