import type { MiddlewareFn } from 'telegraf'
import type { Entity } from '../../database/orm.ts'
import type { SchemaNeeds } from '../../database/schema-check.ts'
import type { Texts } from '../../i18n/texts.ts'
import type { PermissionDeclaration } from '../access.ts'
import type { Cache } from '../cache.ts'
import type { Action } from '../manifest/action.ts'
import type { Command } from '../manifest/command.ts'
import type { Dialog } from '../manifest/dialog.ts'
import type { EventListener } from '../manifest/event.ts'
import type { HealthCheck } from '../manifest/health.ts'
import type { Hook } from '../manifest/hook.ts'
import type { Job } from '../manifest/job.ts'
import type { Middleware } from '../manifest/middleware.ts'
import type { PersonalDataDeclaration } from '../manifest/personal-data.ts'
import type { HttpRoute } from '../manifest/route.ts'
import type { SessionDeclaration } from '../manifest/session.ts'
import type { Surface } from '../opening/surface.ts'
import type { LiveContext } from '../run/context.ts'
import type { ServiceToken } from '../service.ts'

/** What a manifest declares, read and checked: all that is known of a plugin before it is set up. */
export interface PluginDeclaration {
  readonly name: string
  readonly version: string
  /** `exclusive`: two versions can't exist at once. */
  readonly reload: 'swap' | 'exclusive'
  /** Plugins that must be live. */
  readonly requires: readonly string[]
  readonly description: string
  readonly permissions: readonly PermissionDeclaration[]
  readonly entities: readonly Entity[]
  /** Tables and columns that the entities need. */
  readonly needs: SchemaNeeds
  readonly tables: readonly string[]
  readonly uses: ReadonlyMap<string, ServiceToken<never>>
  readonly provides: ReadonlyMap<string, ServiceToken<never>>
  readonly commands: ReadonlyMap<string, Command>
  readonly actions: ReadonlyMap<string, Action>
  /** Also those that handle what hooks took. */
  readonly jobs: ReadonlyMap<string, Job>
  readonly dialogs: ReadonlyMap<string, Dialog>
  /** What it remembers of people in chats. */
  readonly session: SessionDeclaration | undefined
  /** How what it keeps about people is seen and erased. */
  readonly personalData: PersonalDataDeclaration | undefined
  readonly hooks: ReadonlyMap<string, Hook>
  readonly routes: readonly HttpRoute[]
  readonly events: readonly EventListener[]
  readonly health: ReadonlyMap<string, HealthCheck>
  readonly middleware: readonly Middleware[]
  readonly telegraf: MiddlewareFn<LiveContext> | undefined
  readonly texts: Texts
  /** All that people can come in by, and who that is by default. */
  readonly surface: Surface
}

/** One version of a plugin, set up: what a generation holds and a handler runs on. */
export interface PluginInstance extends PluginDeclaration {
  readonly config: unknown
  /** What `setup` returned. */
  readonly result: unknown
  readonly cache: Cache
  /** The core's services among `uses`, by their key there. */
  readonly coreServices: ReadonlyMap<string, unknown>
}
