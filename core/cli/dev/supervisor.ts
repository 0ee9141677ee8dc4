import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '../../log/logger.ts'
import type { BotSettings, FromBot } from './message.ts'

export interface SupervisorOptions {
  readonly settings: BotSettings
  /** Options of Node for it: `--inspect=…`. */
  readonly nodeArgs: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly log: Logger
  /** What a stop may take, ms; then it is killed. */
  readonly stopLimitMs: number
  onMessage(message: FromBot): void
  /** It ended and nobody had asked for it. `output` holds the last lines that it wrote to standard error. */
  onEnd(end: { code: number | null; signal: string | null; output: string }): void
}

/** So many last lines of what it complained are kept, to be shown where it is missed. */
const keptLines = 20

/** The process of the bot: started, stopped, started anew, one at a time. */
export class Supervisor {
  readonly #options: SupervisorOptions
  #child: ChildProcess | undefined
  #stopping = false
  #work: Promise<void> = Promise.resolve()
  #isRestartAsked = false

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#child !== undefined
  }

  start(): void {
    if (this.#child !== undefined) return
    const { settings, nodeArgs, env } = this.#options
    const file = join(import.meta.dirname, `bot${extname(import.meta.filename)}`)
    const args = [...process.execArgv, ...nodeArgs, file, JSON.stringify(settings)]
    const child = spawn(process.execPath, args, {
      env,
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    this.#child = child
    let output: string[] = []
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text)
      output = [...output, ...text.split('\n')].slice(-keptLines - 1)
    })
    // our own file sends nothing else
    child.on('message', (message: FromBot) => this.#options.onMessage(message))
    // 'close' and not 'exit': all that it wrote has been read then
    child.on('close', (code, signal) => {
      this.#child = undefined
      if (!this.#stopping)
        this.#options.onEnd({ code, signal, output: output.join('\n').trimEnd() })
    })
  }

  /** Stops it, if it runs, and starts it. Asked for several times meanwhile, it happens once more. */
  restart(): Promise<void> {
    if (this.#isRestartAsked) return this.#work
    this.#isRestartAsked = true
    this.#work = this.#work.then(async () => {
      this.#isRestartAsked = false
      await this.#stop()
      this.start()
    })
    return this.#work
  }

  /** Stops it for good. */
  stop(): Promise<void> {
    this.#isRestartAsked = true
    this.#work = this.#work.then(() => this.#stop())
    return this.#work
  }

  /** Ends it at once. */
  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  async #stop(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#stopping = true
    const closed = once(child, 'close')
    child.kill('SIGTERM')
    const limit = new AbortController()
    const late = delay(this.#options.stopLimitMs, 'late', { signal: limit.signal })
    late.catch(() => undefined)
    if ((await Promise.race([closed, late])) === 'late') {
      this.#options.log.warn('dev.bot-killed', { hint: 'It did not stop in time.' })
      child.kill('SIGKILL')
      await closed
    }
    limit.abort()
    this.#stopping = false
  }
}
