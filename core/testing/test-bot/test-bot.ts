import { setTimeout as delay } from 'node:timers/promises'
import { ulid } from 'ulid'
import type { App } from '../../app.ts'
import type { Database } from '../../database/connection.ts'
import type { UserStatus } from '../../database/entities/bot-user.ts'
import { messageOf, OpsError } from '../../errors.ts'
import type { LogFields } from '../../log/logger.ts'
import type { PluginStatus } from '../../plugin/catalog/plugins.ts'
import type { Chat } from '../bot-api/world/chat.ts'
import type { Person } from '../bot-api/world/person.ts'
import type { GroupOptions, PersonOptions } from '../bot-api/world/world.ts'
import { ApiClient } from './api.ts'
import type { TestClock } from './clock.ts'
import { throwIfFailed } from './failed.ts'
import type { TestHttp } from './http.ts'
import {
  expectCollected,
  expectNoGrowth,
  forgottenError,
  Leftovers,
  type VersionLife,
} from './leftovers.ts'
import type { LogLine } from './log.ts'
import { type Patience, TestPerson } from './person.ts'
import { Sightings } from './sightings.ts'
import type { PluginFiles } from './sources.ts'
import { TestTelegram } from './telegram.ts'
import { startApp, type TestWorld } from './world.ts'

export interface UserOptions extends PersonOptions {
  /** The role in the bot; without one: a stranger. Owners are made by `owners`. */
  role?: string
  /** Default `active`. */
  status?: UserStatus
}

export interface TestGroupOptions extends Omit<GroupOptions, 'members' | 'administrators'> {
  members?: readonly TestPerson[]
  administrators?: readonly TestPerson[]
}

/** How long the clock isn't moved while updates are being handled, ms. */
const idleMs = 3_000
/** How long `settled` waits, ms. */
const settleMs = 30_000

/** A running bot and the Telegram around it; see `createTestBot`. */
export class TestBot implements AsyncDisposable {
  /** The first owner. */
  readonly owner: TestPerson
  /** What the bot calls, and what shall go wrong there. */
  readonly telegram: TestTelegram
  /** The time that the bot lives in; a test moves it on. */
  readonly clock: TestClock
  /** Other services that plugins call, stubbed. */
  readonly http: TestHttp
  /** For looking into tables. */
  readonly database: Database
  readonly #world: TestWorld
  readonly #sightings: Sightings
  readonly #owners: TestPerson[]
  readonly #clients = new Map<number, ApiClient>()
  #app: App
  #arrivals: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | undefined

  constructor(world: TestWorld, app: App, owners: readonly Person[]) {
    this.#world = world
    this.#app = app
    this.database = world.database
    this.clock = world.clock
    this.http = world.http
    this.telegram = new TestTelegram(world.api)
    this.#sightings = new Sightings(world.api)
    this.#owners = owners.map((person) => this.#meet(person))
    this.clock.movesAfter(() =>
      // what hangs is what a test may want to see cut off
      Promise.race([this.settled(), delay(idleMs, undefined, { ref: false })]),
    )
    this.owner = this.#owners[0] ?? this.#meet(world.api.user())
  }

  /** The owners of ADMIN_IDS. */
  get owners(): readonly TestPerson[] {
    return this.#owners
  }

  /** Every plugin with its state. */
  get plugins(): readonly PluginStatus[] {
    return this.#app.plugins.list()
  }

  /** All that was logged, from level debug on. */
  get log(): readonly LogLine[] {
    return this.#world.log.lines
  }

  /** The address of the bot's HTTP server. */
  get url(): string {
    return this.#app.url
  }

  /** Adds a person with a private chat to the bot: somebody with a role, or a stranger. */
  user({ role, status = 'active', ...person }: UserOptions = {}): TestPerson {
    if (role === 'owner') {
      throw new OpsError(
        'OPS_TEST_MISSING',
        'Owners are named in ADMIN_IDS, before the bot starts',
        {
          hint: 'Use bot.owner, or createTestBot({ owners: [{}, {}] }) and bot.owners.',
        },
      )
    }
    const met = this.#meet(
      this.#world.api.user({
        ...(role === undefined ? {} : { firstName: capital(role) }),
        ...person,
      }),
    )
    if (role !== undefined) {
      const row = this.#insert(met, role, status)
      // whoever waits for it fails with it
      row.catch(() => undefined)
      this.#arrivals = Promise.all([this.#arrivals, row])
    }
    return met
  }

  /** Adds a group with the bot and these people in it. */
  group({ members = [], administrators = [], ...options }: TestGroupOptions = {}): Chat {
    return this.#world.api.group({
      ...options,
      members: members.map(({ telegram }) => telegram),
      administrators: administrators.map(({ telegram }) => telegram),
    })
  }

  /** The HTTP API, with a token of this person: `await bot.api(bot.owner).get('/api/v1/worklog/entries')`. */
  api(person: TestPerson): ApiClient {
    const known = this.#clients.get(person.id)
    if (known !== undefined) return known
    const client = new ApiClient({
      url: () => this.url,
      database: this.database,
      person: person.id,
      arrived: async () => void (await this.#arrivals),
    })
    this.#clients.set(person.id, client)
    return client
  }

  /** Loads a plugin anew. @throws OpsError the code, text and code frame of what aborted it */
  async reload(name: string): Promise<PluginStatus> {
    const outcome = await this.#app.plugins.reload(name)
    const status = this.plugin(name)
    throwIfFailed({ ...status, lastReload: outcome })
    return status
  }

  /** Puts a plugin of these files into a folder of the bot and loads it. @throws OpsError as `reload` does */
  async dropPlugin(name: string, files: PluginFiles): Promise<PluginStatus> {
    await this.#world.sources.write(name, files)
    return this.reload(name)
  }

  /** Changes files of a dropped or copied plugin and reloads it. @throws OpsError as `reload` does */
  edit(name: string, files: PluginFiles): Promise<PluginStatus> {
    return this.dropPlugin(name, files)
  }

  /** Takes a dropped or copied plugin away. */
  async removePlugin(name: string): Promise<void> {
    await this.#world.sources.remove(name)
    await this.#app.plugins.reload(name).catch((error: unknown) => {
      // there is no outcome of loading what is gone
      if (!(error instanceof OpsError && error.code === 'OPS_PLUGIN_UNKNOWN')) throw error
    })
  }

  /** One plugin's state. @throws OPS_TEST_MISSING */
  plugin(name: string): PluginStatus {
    const found = this.plugins.find((status) => status.name === name)
    if (found !== undefined) return found
    throw new OpsError('OPS_TEST_MISSING', `The bot has no plugin ${name}`, {
      details: { plugins: this.plugins.map((status) => status.name) },
    })
  }

  /**
   * Waits until the bot logs this event, with these fields; looks at what was logged since the last `logged` of the
   * event too.
   *
   * @throws OPS_TEST_DEADLINE
   */
  logged(event: string, fields: LogFields = {}, patience: Patience = {}): Promise<LogLine> {
    return this.#world.log.next(event, fields, patience.within)
  }

  /** Resolves when all that was sent to the bot is handled and answered. @throws OPS_TEST_DEADLINE after 30 s */
  async settled(): Promise<void> {
    await this.#arrivals
    const { api } = this.#world
    const ends = performance.now() + settleMs
    // confirmed updates are in the inbox: the bot moves the offset when they are durable
    while (api.pending > 0) {
      if (performance.now() > ends) {
        throw new OpsError('OPS_TEST_DEADLINE', `The bot took no updates for ${settleMs} ms`)
      }
      await delay(1)
    }
    await Promise.race([
      this.#app.idle(),
      delay(ends - performance.now(), undefined, { ref: false }).then(() => {
        throw new OpsError('OPS_TEST_DEADLINE', `Handlers still run after ${settleMs} ms`)
      }),
    ])
  }

  /**
   * Reloads the plugins under test three times: as many timers, sockets, servers, watchers, processes and
   * listeners on whatever emitter may be there as after the first, of those that their code made. Then
   * nothing may hold any code of the versions that were replaced.
   *
   * @throws OPS_TEST_LEFTOVERS naming what is left and the line that made it
   */
  async expectNoLeftovers(...names: readonly string[]): Promise<void> {
    const all = this.plugins.filter(({ state }) => state === 'active').map(({ name }) => name)
    const under = names.length > 0 ? names : all.filter((name) => name !== 'auth')
    await this.#drained()
    const before = this.log.length
    const replaced: VersionLife[] = []
    await expectNoGrowth(new Leftovers((error) => this.#app.placeOf(error)), async () => {
      for (const plugin of under) {
        replaced.push({ plugin, life: this.#app.lifeOf(plugin) })
        await this.reload(plugin)
      }
      await this.#drained()
    })
    const since = this.log.slice(before)
    // the core ends a forgotten interval, which in a process of the author's own nobody would
    const forgotten = since.find(({ event }) => event === 'plugin.leftover')
    if (forgotten !== undefined) throw forgottenError(forgotten)
    const failed = since.find(({ event }) => event === 'plugin.dispose.failed')
    if (failed !== undefined) {
      const { plugin, what, error } = failed.fields
      throw new OpsError(
        'OPS_TEST_LEFTOVERS',
        `Plugin ${String(plugin)} could not dispose its ${String(what)}: ${messageOf(error)}`,
      )
    }
    await expectCollected(replaced)
  }

  /** Stops the bot and starts it again on the same data and chats. */
  async restart(): Promise<void> {
    await this.#app.stop()
    this.#app = await startApp(this.#world)
  }

  /** Stops everything and gives the database back. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Resolves when no replaced version is at work, nor being disposed. */
  async #drained(): Promise<void> {
    await this.settled()
    const ends = performance.now() + settleMs
    const replaced = () =>
      this.log.filter(({ event }) => event === 'plugin.reload.committed').length
    const drained = () => this.log.filter(({ event }) => event === 'plugin.drained').length
    while (drained() < replaced()) {
      if (performance.now() > ends) {
        throw new OpsError(
          'OPS_TEST_LEFTOVERS',
          `A replaced version is not disposed after ${settleMs} ms`,
        )
      }
      await delay(2)
    }
  }

  async #close(): Promise<void> {
    const { api, database, sources } = this.#world
    await this.#app.stop()
    await api.close()
    await database.close()
    await sources.close()
  }

  #meet(person: Person): TestPerson {
    return new TestPerson(person, person.chat, {
      sightings: this.#sightings,
      arrived: async () => void (await this.#arrivals),
      settled: () => this.settled(),
      complaints: () => this.#world.log.complaints(),
    })
  }

  async #insert({ id, telegram }: TestPerson, role: string, status: UserStatus): Promise<void> {
    const { username = null, first_name, last_name = null } = telegram.user
    await this.database.query(
      `insert into bot_users (id, telegram_id, username, first_name, last_name, role, status, metadata,
         auth_epoch, created_at, version)
       values ($1, $2, $3, $4, $5, $6, $7, '{}', 0, now(), 1)`,
      [ulid(), id, username, first_name, last_name, role, status],
    )
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
