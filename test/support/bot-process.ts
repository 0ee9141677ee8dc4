import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'
import type { FakeBotApi } from '../../core/testing/bot-api/api.ts'
import { startFakeBotApi } from '../../core/testing/bot-api/server.ts'
import type { Person } from '../../core/testing/bot-api/world/person.ts'
import { putEmbedded } from '../../core/testing/test-bot/seed.ts'
import { freshUrl, testKind } from './database.ts'
import { freshFolder } from './folders.ts'
import { silentLog } from './log.ts'
import { until } from './wait.ts'

export interface LogLine {
  readonly time: string
  readonly level: string
  readonly event: string
  readonly [field: string]: unknown
}

export interface BotOptions {
  /** Over the defaults; `undefined` takes a variable away. */
  env?: Record<string, string | undefined>
  /** Files of plugins of its own, by path below the folder: `{ 'ping/index.ts': '…' }`. */
  plugins?: Record<string, string>
  /** Whether the first-party plugins are there too; default: they are. */
  firstParty?: boolean
  /** Another instance of the same bot: the same Telegram and database, folders of its own. */
  beside?: BotProcess
}

const execute = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
/** By its address, since the process doesn't run in the project's folder. */
const tsx = import.meta.resolve('tsx')
const ownerId = 1001

/**
 * The program as a user starts it: a process of its own with a fake Telegram, real folders and a
 * real database; the embedded one unless TEST_DATABASE_URL is set. It outlives `kill` and `start`.
 */
export class BotProcess {
  readonly api: FakeBotApi
  readonly ownerId = ownerId
  /** Where the process runs: no `.env` of the checkout reaches it, one in here does. */
  readonly folder: string
  /** Folder of this bot's own plugins, beside the first-party ones. */
  readonly pluginsDir: string
  readonly dataDir: string
  readonly lines: LogLine[] = []
  stderr = ''
  /** What it is started with; a change holds from the next start on. */
  readonly env: Record<string, string | undefined>
  #child: ChildProcess | undefined
  #closed = true
  #port: number | undefined
  readonly #ownsApi: boolean

  private constructor(
    api: FakeBotApi,
    ownsApi: boolean,
    folder: string,
    env: Record<string, string | undefined>,
  ) {
    this.api = api
    this.#ownsApi = ownsApi
    this.folder = folder
    this.pluginsDir = join(folder, 'plugins')
    this.dataDir = join(folder, 'data')
    this.env = env
  }

  static async create(options: BotOptions = {}): Promise<BotProcess> {
    const { beside } = options
    const api = beside?.api ?? (await startFakeBotApi())
    const folder = freshFolder()
    const own = join(folder, 'plugins')
    const needsUrl =
      beside === undefined && testKind === 'postgres' && !('DATABASE_URL' in (options.env ?? {}))
    const env: Record<string, string | undefined> = {
      BOT_TOKEN: api.token,
      TELEGRAM_API_ROOT: api.url,
      ADMIN_IDS: String(ownerId),
      HTTP_PORT: '0',
      LOG_FORMAT: 'json',
      // what is said unasked would be taken for an answer
      NOTICES: 'false',
      DATA_DIR: join(folder, 'data'),
      PLUGINS_DIR: options.firstParty === false ? own : `${join(root, 'plugins')},${own}`,
      ...(needsUrl ? { DATABASE_URL: await freshUrl() } : {}),
      ...(beside === undefined ? {} : { DATABASE_URL: beside.env.DATABASE_URL }),
      ...options.env,
    }
    const bot = new BotProcess(api, beside === undefined, folder, env)
    if (env.BOT_TOKEN === undefined) await putEmbedded(join(bot.dataDir, 'playground'), silentLog)
    else if (env.DATABASE_URL === undefined) await putEmbedded(bot.database.dir, silentLog)
    mkdirSync(bot.pluginsDir, { recursive: true })
    for (const [file, text] of Object.entries(options.plugins ?? {})) bot.write(file, text)
    return bot
  }

  /** Where its data are, to be opened once the process has ended. */
  get database(): { url: string | undefined; dir: string } {
    return { url: this.env.DATABASE_URL, dir: join(this.dataDir, 'database') }
  }

  /** Ends all connections to the PostgreSQL database and lets nobody in until `end`. */
  cutDatabase(): Promise<{ end(): Promise<void> }> {
    return this.#alterDatabase('allow_connections false', 'allow_connections true')
  }

  /** Has the PostgreSQL database refuse what writes, as a standby does, until `end`. */
  freezeDatabase(): Promise<{ end(): Promise<void> }> {
    const setting = 'default_transaction_read_only'
    return this.#alterDatabase(`set ${setting} = on`, `reset ${setting}`)
  }

  async #alterDatabase(how: string, back: string): Promise<{ end(): Promise<void> }> {
    const url = new URL(this.env.DATABASE_URL ?? '')
    const name = url.pathname.slice(1)
    await onServer(url, [
      `alter database ${name} ${how}`,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    ])
    return { end: () => onServer(url, [`alter database ${name} ${back}`]) }
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Starts the process; resolves at `app.started`. */
  async start(): Promise<void> {
    this.spawn()
    await this.event('app.started', {}, 120_000)
  }

  /** Starts the process and waits for nothing. */
  spawn(): void {
    const main = [join(root, 'bin/node'), '--import', tsx, join(root, 'core/main.ts')]
    this.#follow(main, { cwd: this.folder })
  }

  /** Starts it as people do, in a process group of its own: `pid` is npm's and the group's. */
  spawnNpm(): void {
    // by links: in the checkout itself npm would start it on the developer's own .env
    for (const name of ['package.json', 'bin', 'core', 'node_modules']) {
      symlinkSync(join(root, name), join(this.folder, name))
    }
    this.#follow(['npm', 'start'], { cwd: this.folder, detached: true })
  }

  /**
   * Starts `opsgram dev` in a process group of its own: `pid` is its id and the group's.
   *
   * @param project a folder that has opsgram installed; default: the checkout's runs in the bot's folder
   */
  spawnDev(args: readonly string[], project?: string): void {
    const home = project === undefined ? root : join(project, 'node_modules/opsgram')
    const command = [join(home, 'bin/opsgram'), 'dev', ...args]
    this.#follow(command, { cwd: project ?? this.folder, detached: true })
  }

  /** Runs another command of `opsgram` where the bot runs, to its end. @returns what it printed */
  async opsgram(...args: string[]): Promise<string> {
    const { stdout } = await execute(join(root, 'bin/opsgram'), args, {
      cwd: this.folder,
      env: this.#environment(),
    })
    return stdout
  }

  #follow([command = '', ...args]: string[], options: { cwd: string; detached?: boolean }): void {
    this.lines.length = 0
    this.stderr = ''
    const child = spawn(command, args, {
      ...options,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#closed = false
    this.#port = undefined
    // a file that hangs is ended; its bots are not to live on
    const { pid } = child
    const endWithUs = () => pid && process.kill(options.detached ? -pid : pid, 'SIGKILL')
    process.once('exit', endWithUs)
    child.on('close', () => {
      process.off('exit', endWithUs)
      if (this.#child === child) this.#closed = true
    })
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parse(text)
      this.lines.push(line)
      if (line.event === 'http.listening') this.#port = Number(line.port)
    })
    child.stderr.on('data', (chunk) => {
      this.stderr += String(chunk)
    })
  }

  #environment(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: process.env.HOME, ...this.env }
  }

  /** Waits for a log line with these fields. */
  async event(
    event: string,
    fields: Record<string, unknown> = {},
    deadlineMs = 30_000,
  ): Promise<LogLine> {
    const found = () => {
      const line = this.lines.find(
        (line) => line.event === event && Object.entries(fields).every(([k, v]) => line[k] === v),
      )
      if (line === undefined && this.#closed) throw new Error(`no ${event}: the process has ended`)
      return line
    }
    try {
      return await until(`log event ${event} ${JSON.stringify(fields)}`, found, deadlineMs)
    } catch (error) {
      const log = this.lines.slice(-30).map((line) => JSON.stringify(line))
      throw new Error(`${String(error)}; the log ends with\n${log.join('\n')}\n${this.stderr}`)
    }
  }

  /** Forgets the log so far, so that `event` waits for what comes. */
  forget(): void {
    this.lines.length = 0
  }

  write(file: string, text: string): void {
    this.writeAll({ [file]: text })
  }

  /** Writes files while the process stands still: however busy the machine is, it sees them all at once. */
  writeAll(files: Readonly<Record<string, string>>): void {
    this.signal('SIGSTOP')
    for (const [file, text] of Object.entries(files)) {
      const path = join(this.pluginsDir, file)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    this.signal('SIGCONT')
  }

  /** Writes the `.env` that the process reads and watches. @returns its path */
  writeEnv(text: string): string {
    const file = join(this.folder, '.env')
    writeFileSync(file, text)
    return file
  }

  read(file: string): string {
    return readFileSync(join(this.pluginsDir, file), 'utf8')
  }

  remove(file: string): void {
    rmSync(join(this.pluginsDir, file), { recursive: true, force: true })
  }

  copy(from: string, to: string): void {
    cpSync(from, join(this.pluginsDir, to), { recursive: true })
  }

  /** The person with this Telegram id. */
  person(id: number): Person {
    return this.api.world.personById(id) ?? this.api.user({ id })
  }

  /** What the bot wrote to a chat, oldest first. */
  said(chatId: number): string[] {
    return this.api
      .messages(chatId)
      .filter((message) => message.byBot)
      .map((message) => message.text)
  }

  /** Sends a text as a person and waits for the next thing that the bot says there. */
  async ask(userId: number, text: string, deadlineMs = 30_000): Promise<string> {
    const before = this.said(userId).length
    this.person(userId).sendText(text)
    return until(`an answer to ${text}`, () => this.said(userId)[before], deadlineMs)
  }

  async http(path: string): Promise<{ status: number; body: unknown }> {
    const port = await until('it listens', () => this.#port, 30_000)
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status: response.status, body: await response.json() }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Resolves with the exit code; null after a kill. */
  async exited(): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return 0
    // 'close' and not 'exit': all that it wrote has been read then
    if (!this.#closed) await once(child, 'close')
    return child.exitCode
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited()
  }

  async stop(): Promise<number | null> {
    this.signal('SIGTERM')
    return this.exited()
  }

  /** Ends everything that was started. */
  async close(): Promise<void> {
    await this.kill()
    if (this.#ownsApi) await this.api.close()
  }
}

async function onServer(database: URL, statements: readonly string[]): Promise<void> {
  const server = new URL(database)
  server.pathname = '/postgres'
  const client = new pg.Client({ connectionString: server.href })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

function parse(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return { time: '', level: 'raw', event: line }
  }
}
