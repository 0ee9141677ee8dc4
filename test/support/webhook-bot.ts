import { type BotOptions, BotProcess } from './bot-process.ts'
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts'

export const hookPath = '/telegram/webhook'

/** A bot by webhook: Telegram reaches it through a proxy whose address stays when the process is started anew. */
export class WebhookBot {
  readonly process: BotProcess
  readonly proxy: TcpProxy
  readonly #target: { host: string; port: number }

  private constructor(
    process: BotProcess,
    proxy: TcpProxy,
    target: { host: string; port: number },
  ) {
    this.process = process
    this.proxy = proxy
    this.#target = target
  }

  static async create(options: BotOptions = {}): Promise<WebhookBot> {
    // nobody listens there until the bot does
    const target = { host: '127.0.0.1', port: 1 }
    const proxy = await tcpProxy(target)
    const env = {
      UPDATES: 'webhook',
      WEBHOOK_URL: `http://127.0.0.1:${proxy.port}`,
      WEBHOOK_SECRET: 'first-secret',
      ...options.env,
    }
    return new WebhookBot(await BotProcess.create({ ...options, env }), proxy, target)
  }

  /** Starts the process; resolves when Telegram's calls reach it. */
  async start(env: Record<string, string | undefined> = {}): Promise<void> {
    Object.assign(this.process.env, env)
    this.process.spawn()
    const { port } = await this.process.event('http.listening', {}, 120_000)
    this.#target.port = Number(port)
    await this.process.event('app.started', {}, 120_000)
  }

  /** What one has to send that isn't Telegram. */
  post(body: string | Uint8Array<ArrayBuffer>, secret?: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.proxy.port}${hookPath}`, {
      method: 'POST',
      headers: secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': secret },
      body,
    })
  }

  async close(): Promise<void> {
    await this.process.close()
    await this.proxy.close()
  }
}
