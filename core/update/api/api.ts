import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Queries } from '../../database/connection.ts'
import { codeOf, OpsError } from '../../errors.ts'
import type { Generation } from '../../plugin/generation/generation.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { Held, Live } from '../../plugin/generation/live.ts'
import type { HttpRoute } from '../../plugin/manifest/route.ts'
import type { Store } from '../../store/store.ts'
import { newErrorId } from '../error-id.ts'
import { Admission, type Bearer, mayUse, pluginOf } from './admission.ts'
import { refused } from './answers.ts'
import { type Admitted, RouteHandling, type RouteHandlingOptions } from './handling.ts'
import { openApiOf } from './openapi.ts'
import { createSite, type RouteCall, type Site } from './site.ts'

export interface ApiOptions extends RouteHandlingOptions {
  live: Live
  store: Pick<Store, 'take'>
  version: string
}

/** Who sends a request, and what it is for. */
export interface ApiRequest {
  readonly authorization: string | undefined
  readonly ip: string
  readonly method: string
  /** Below `/api/v1`, without query: `/worklog/entries`. */
  readonly path: string
}

/** A request from its first to its last moment: it keeps the generation that was live when it began. */
interface Call {
  readonly held: Held
  readonly controller: AbortController
  plugin?: string
  admitted?: Admitted
  running: boolean
}

/** At once, of all plugins, in this process. */
const mostAtOnce = 64

/**
 * Serves what plugins offer to other programs, under `/api/v1`: a request runs on the generation that was live when
 * it began, in the name of the person whose token it bears, with the rights that they have at that moment.
 */
export class Api {
  readonly #options: ApiOptions
  readonly #admission: Admission
  readonly #handling: RouteHandling
  readonly #calls = new Map<IncomingMessage, Call>()
  /** Of each version of a plugin that was asked for anything; gone with it. */
  readonly #sites = new WeakMap<PluginInstance, Promise<Site>>()
  readonly #idle: (() => void)[] = []
  #closed: 'paused' | 'stopping' | undefined

  constructor(options: ApiOptions & { database: Queries }) {
    this.#options = options
    this.#admission = new Admission(options)
    this.#handling = new RouteHandling(options)
  }

  /** While the bot is paused no request is taken. */
  hold(isPaused: boolean): void {
    if (this.#closed !== 'stopping') this.#closed = isPaused ? 'paused' : undefined
  }

  /** Takes no more requests, and waits for those that run, until the signal is aborted; then they are cut off. */
  async drain(limit: AbortSignal): Promise<void> {
    this.#closed = 'stopping'
    if (this.#calls.size === 0) return
    const { promise: late, resolve } = Promise.withResolvers<void>()
    limit.addEventListener('abort', () => resolve(), { once: true })
    const idle = new Promise<void>((done) => this.#idle.push(done))
    if (!limit.aborted) await Promise.race([idle, late])
    const reason = new OpsError('OPS_SHUTDOWN', 'The bot is stopping')
    for (const { controller } of this.#calls.values()) controller.abort(reason)
  }

  /**
   * Finds out who sends a request, and hands it to its plugin, which answers it.
   *
   * @returns what serves it
   * @throws what `refusalOf` knows
   */
  async enter(raw: IncomingMessage, response: ServerResponse, request: ApiRequest): Promise<Site> {
    const [, name = ''] = request.path.split('/')
    const { call, bearer } = await this.#admitted(raw, response, request)
    const { generation } = call.held
    const plugin = pluginOf(generation, name)
    call.plugin = plugin.name
    call.admitted = { generation, plugin, bearer, controller: call.controller }
    return this.#siteOf(plugin)
  }

  /** The OpenAPI document of what the bearer may use. @throws as `enter` */
  async describe(
    raw: IncomingMessage,
    response: ServerResponse,
    request: ApiRequest,
  ): Promise<object> {
    const { call, bearer } = await this.#admitted(raw, response, request)
    const { generation } = call.held
    const live = [...generation.plugins.values()].filter(
      ({ name }) => !generation.quarantined.has(name),
    )
    const described = live
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((plugin) => {
        const routes = plugin.routes.filter((route) => mayUse(route, generation, bearer))
        return { plugin, routes }
      })
      .filter(({ routes }) => routes.length > 0)
    return openApiOf(described, this.#options.version)
  }

  async #admitted(
    raw: IncomingMessage,
    response: ServerResponse,
    request: ApiRequest,
  ): Promise<{ call: Call; bearer: Bearer }> {
    if (this.#closed !== undefined) throw refused('OPS_ROUTE_BUSY', `The bot is ${this.#closed}`)
    if (this.#calls.size >= mostAtOnce) {
      throw refused('OPS_ROUTE_BUSY', `${mostAtOnce} requests are being answered`)
    }
    const call = this.#begin(raw, response)
    const { generation } = call.held
    try {
      return { call, bearer: await this.#admission.enter(generation, request) }
    } catch (error) {
      if (codeOf(error) === 'OPS_BEARER_REFUSED' && request.authorization !== undefined) {
        await this.#recordUnknown(request, generation)
      }
      throw error
    }
  }

  #begin(raw: IncomingMessage, response: ServerResponse): Call {
    const controller = new AbortController()
    const call: Call = {
      controller,
      running: false,
      held: this.#options.live.take({
        plugin: () => call.plugin,
        cut: () =>
          controller.abort(
            new OpsError('OPS_RELOADED', 'The plugin was replaced again and again meanwhile'),
          ),
      }),
    }
    this.#calls.set(raw, call)
    // a route goes on when its client has left: what it changes is not half done
    response.once('close', () => {
      if (!call.running) this.#end(raw, call)
    })
    return call
  }

  #end(raw: IncomingMessage, call: Call): void {
    call.held.release()
    this.#calls.delete(raw)
    if (this.#calls.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #siteOf(plugin: PluginInstance): Promise<Site> {
    const known = this.#sites.get(plugin)
    if (known !== undefined) return known
    const site = createSite(plugin, {
      admit: (request, route) => this.#admit(request, route),
      run: (call, route) => this.#run(call, route),
      failed: (request, error) => this.#failed(request, error),
    })
    this.#sites.set(plugin, site)
    return site
  }

  async #admit(request: IncomingMessage, route: HttpRoute): Promise<void> {
    const { generation, plugin, bearer } = this.#callOf(request).admitted
    if (mayUse(route, generation, bearer)) return
    const what = `${route.method} ${route.path}`
    const reason = route.permission ?? 'unapproved'
    await this.#admission.record(bearer, { plugin: plugin.name, route: what, reason })
    const text =
      route.permission === undefined
        ? `${what} of plugin ${plugin.name} waits for an owner’s approval`
        : `${what} of plugin ${plugin.name} needs the permission ${route.permission}`
    throw refused('OPS_ROUTE_FORBIDDEN', text)
  }

  async #run({ request, ...given }: RouteCall, route: HttpRoute): Promise<unknown> {
    const call = this.#callOf(request)
    call.running = true
    try {
      return await this.#handling.run(route, given, call.admitted)
    } finally {
      this.#end(request, call)
    }
  }

  #failed(request: IncomingMessage, error: unknown): string {
    const errorId = newErrorId()
    const { method, url } = request
    this.#options.log.error('api.failed', { method, url: url?.split('?')[0], errorId, error })
    return errorId
  }

  #callOf(request: IncomingMessage): Call & { admitted: Admitted } {
    const call = this.#calls.get(request)
    if (call?.admitted !== undefined) return call as Call & { admitted: Admitted }
    throw new OpsError('OPS_INTERNAL', 'A request reached a plugin that was not let in')
  }

  async #recordUnknown({ ip, method, path }: ApiRequest, { plugins }: Generation): Promise<void> {
    const [, name = ''] = path.split('/')
    const plugin = plugins.has(name) ? name : null
    await this.#admission.record({ ip }, { plugin, route: `${method} ${path}`, reason: 'token' })
  }
}
