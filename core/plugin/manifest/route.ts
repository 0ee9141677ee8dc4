import type { z } from 'zod'
import type { EntityManager } from '../../database/orm.ts'
import type { HttpClient } from '../../http/client/call.ts'
import type { Translate } from '../../i18n/texts.ts'
import type { Logger } from '../../log/logger.ts'
import type { OpsTelegram } from '../../telegram/telegram.ts'
import type { ActiveUser } from '../access.ts'
import type { Cache } from '../cache.ts'
import type { Answer } from '../run/content.ts'
import type { NotifyOptions, NotifyTarget } from '../run/notify.ts'
import type { Used } from '../service.ts'
import type { Enqueues } from './job.ts'
import type { Nothing, PluginTypes } from './view.ts'

/** The methods that routes are made for. */
export type RouteMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What a request has to be, and what its answer is. Names and values of path and query arrive as strings: coerce them. */
export interface RouteSchema {
  /** Of each `:name` in the path. */
  params?: z.ZodObject
  query?: z.ZodObject
  /** JSON; without one a body is not looked at. */
  body?: z.ZodType
  /** What the answer is made to fit: what it doesn't name is left out. */
  response?: z.ZodType
}

export interface RouteOptions<P extends PluginTypes, S extends RouteSchema> {
  /** One line for who reads the OpenAPI document. */
  description: string
  /** Who may use it; absent: every active user who has a token. */
  permission?: NoInfer<P['permission']>
  schema?: S
  /** Of an answer that went well; default 200, without a value 204. */
  status?: 200 | 201 | 202
  /** What one request has, ms; default 30,000, at most 120,000. */
  deadlineMs?: number
}

type Part<S, K extends keyof RouteSchema> =
  S extends Record<K, infer Z extends z.ZodType> ? z.output<Z> : Nothing

/** A request, as its schemas made it. */
export interface RouteRequest<S extends RouteSchema> {
  readonly params: Part<S, 'params'>
  readonly query: Part<S, 'query'>
  readonly body: Part<S, 'body'>
}

type RouteAnswer<S> = S extends Record<'response', infer Z extends z.ZodType> ? z.input<Z> : unknown

/** What a running route sees. */
export interface RouteContext<P extends PluginTypes> extends Enqueues<P> {
  readonly config: P['config']
  /** What this plugin's `setup` returned. */
  readonly plugin: P['plugin']
  /** The services named in `uses`, of the request's own generation. */
  readonly use: Used<P['uses']>
  /** Whose token it is, as they are now. */
  readonly actor: ActiveUser
  /** May the actor do this? Rights that hold in one chat alone don't count. */
  can(permission: P['permission']): boolean
  /** Written in one transaction before the answer, or not at all when the route throws. */
  readonly em: EntityManager
  /** Lines carry the plugin, the route and the token's id. */
  readonly log: Logger
  /** Aborted at the deadline, when the bot stops, and when the plugin was replaced again and again. */
  readonly signal: AbortSignal
  /** This plugin's texts in the actor's language. */
  readonly t: Translate
  readonly language: string
  readonly timeZone: string
  readonly cache: Cache
  /** Calls to other services, as in handlers. */
  readonly http: HttpClient
  /** Calls leave at the pace of notices. */
  readonly telegram: OpsTelegram
  /**
   * A message to somebody, written with the commit and sent after it, at least once.
   *
   * @throws OPS_NOTIFY
   */
  notify(target: NotifyTarget, content: Answer, options?: NotifyOptions): void
  /** What time it is; in tests `bot.clock` says. */
  now(): Date
}

type AddRoute<P extends PluginTypes> = <S extends RouteSchema = Nothing>(
  path: string,
  options: RouteOptions<P, S>,
  run: (
    ctx: RouteContext<P>,
    request: RouteRequest<S>,
  ) => RouteAnswer<NoInfer<S>> | Promise<RouteAnswer<NoInfer<S>>>,
) => void

/** Adds routes under `/api/v1/<plugin>`: `http.get('/entries/:id', { description, schema }, run)`. */
export interface RouteKit<P extends PluginTypes> {
  readonly get: AddRoute<P>
  readonly post: AddRoute<P>
  readonly put: AddRoute<P>
  readonly patch: AddRoute<P>
  readonly delete: AddRoute<P>
}

/** A route as the core knows it. */
export interface HttpRoute {
  readonly kind: 'route'
  readonly method: RouteMethod
  /** Below the plugin's address: `/entries/:id`. */
  readonly path: string
  readonly description: string
  readonly permission?: string
  readonly schema: RouteSchema
  readonly status: number
  readonly deadlineMs: number
  readonly run: (ctx: never, request: never) => unknown
}
