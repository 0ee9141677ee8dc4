import { Balancer } from '../../test/support/balancer.ts'
import type { BotProcess } from '../../test/support/bot-process.ts'
import { Ledger } from '../../test/support/ledger.ts'
import { type TcpProxy, tcpProxy } from '../../test/support/tcp-proxy.ts'
import { until } from '../../test/support/wait.ts'
import type { Cluster } from './cluster.ts'

/** How updates come. */
export type Delivery = 'polling' | 'webhook'

export interface FleetOptions {
  readonly instances: number
  /** PostgreSQL; without it the embedded database. */
  readonly cluster: Cluster | undefined
  /** Port of a Redis; without it each instance has a store of its own. */
  readonly redisPort: number | undefined
}

const perSecond = 40
/** Of the handlers: most are short. */
const usualMs = 5
const longMs = 100

/** Events that explain why something was begun twice, or lost. */
const telling: ReadonlySet<string> = new Set([
  'app.stop-forced',
  'inbox.partitions.lost',
  'instance.dead',
  'instance.lost',
  'update.dead-lettered',
  'update.repeated',
])

/** Several instances behind a network that can be broken, and a stream of updates to them. */
export class Fleet {
  readonly ledger: Ledger
  readonly cluster: Cluster | undefined
  /** Between each instance and PostgreSQL. */
  readonly toDatabase: readonly TcpProxy[]
  /** Between all and Redis. */
  readonly toRedis: TcpProxy | undefined
  /** Of what Telegram brought to the webhook the last, ms since 1970. */
  lastDeliveredAt = 0
  readonly #balancer: Balancer
  /** What the instances said that should not happen unless they are treated badly. */
  readonly told: string[] = []
  readonly #ports = new Map<BotProcess, number>()
  readonly #starting = new Map<BotProcess, Promise<unknown>>()
  #stream: NodeJS.Timeout | undefined

  private constructor(
    parts: Pick<Fleet, 'ledger' | 'cluster' | 'toDatabase' | 'toRedis'>,
    balancer: Balancer,
  ) {
    this.ledger = parts.ledger
    this.cluster = parts.cluster
    this.toDatabase = parts.toDatabase
    this.toRedis = parts.toRedis
    this.#balancer = balancer
    this.ledger.first.api.on('delivery', ({ status }) => {
      if (status === 200) this.lastDeliveredAt = Date.now()
    })
  }

  static async create({ instances, cluster, redisPort }: FleetOptions): Promise<Fleet> {
    const balancer = await Balancer.start()
    const host = '127.0.0.1'
    const toDatabase =
      cluster === undefined
        ? []
        : await Promise.all(
            Array.from({ length: instances }, () => tcpProxy({ host, port: cluster.port })),
          )
    const toRedis = redisPort === undefined ? undefined : await tcpProxy({ host, port: redisPort })
    const name = `chaos_${instances}`
    await cluster?.createDatabase(name)
    const ledger = await Ledger.create({
      instances,
      envOf: (instance) => ({
        DATABASE_URL: cluster?.url(name, toDatabase[instance]?.port),
        REDIS_URL: toRedis === undefined ? undefined : `redis://${host}:${toRedis.port}`,
        WEBHOOK_URL: `http://${host}:${balancer.port}`,
        WEBHOOK_SECRET: 'chaos-secret',
      }),
      ...(cluster === undefined ? {} : { databaseUrl: cluster.url(name) }),
    })
    return new Fleet({ ledger, cluster, toDatabase, toRedis }, balancer)
  }

  get bots(): readonly BotProcess[] {
    return this.ledger.bots
  }

  /** From the next start of each on. */
  deliverBy(delivery: Delivery, bots = this.bots): void {
    for (const bot of bots) bot.env.UPDATES = delivery
  }

  /** Resolves when it takes updates. */
  async start(bot: BotProcess): Promise<void> {
    bot.spawn()
    await bot.event('app.started', {}, 120_000)
    const { port } = await bot.event('http.listening')
    this.#ports.set(bot, Number(port))
    this.#balancer.add(Number(port))
  }

  /** Starts it and waits for nothing. */
  launch(bot: BotProcess): void {
    const starting = this.start(bot).catch((error: unknown) => {
      // one that is killed while it starts is no failure
      if (this.#starting.get(bot) === starting) throw error
    })
    this.#starting.set(bot, starting)
    // whoever waits for it hears of it
    starting.catch(() => undefined)
  }

  /** Resolves when each that was launched takes updates. */
  async launched(bots = this.bots): Promise<void> {
    await Promise.all(bots.map((bot) => this.#starting.get(bot)))
  }

  async startAll(): Promise<void> {
    // the first makes the tables
    for (const bot of this.bots) await this.start(bot)
  }

  async kill(bot: BotProcess): Promise<void> {
    this.#starting.delete(bot)
    await bot.kill()
    this.#forget(bot)
  }

  /** Ends it in order, as a rolling restart does. @throws when it doesn't */
  async stop(bot: BotProcess): Promise<void> {
    const code = await bot.stop()
    this.#forget(bot)
    if (code !== 0) throw new Error(`a stop ended with ${code}: ${bot.stderr}`)
  }

  #forget(bot: BotProcess): void {
    for (const line of bot.lines) {
      if (telling.has(line.event)) this.told.push(JSON.stringify({ pid: bot.pid, ...line }))
    }
    const port = this.#ports.get(bot)
    if (port !== undefined) this.#balancer.remove(port)
    this.#ports.delete(bot)
  }

  /** Updates come, until `quiet`. @param slowMs now and then one whose handler takes so long */
  busy(slowMs = longMs): void {
    this.#stream ??= setInterval(() => {
      const { sent } = this.ledger
      this.ledger.send(1, sent % 50 === 25 ? slowMs : sent % 10 === 5 ? longMs : usualMs)
    }, 1_000 / perSecond)
  }

  quiet(): void {
    clearInterval(this.#stream)
    this.#stream = undefined
  }

  /** Resolves when some of what came since then is done. @param from the first that counts */
  async worked(from: number): Promise<void> {
    await until('updates are handled', async () => (await this.ledger.committed(from)) >= 5, 60_000)
  }

  async close(): Promise<void> {
    this.quiet()
    await this.ledger.close()
    this.#balancer.close()
    for (const proxy of this.toDatabase) await proxy.close()
    await this.toRedis?.close()
  }
}
