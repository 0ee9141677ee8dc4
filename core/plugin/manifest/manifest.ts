import type { Composer } from 'telegraf'
import type { z } from 'zod'
import type { Scope } from '../scope.ts'
import type { ServiceToken, Used } from '../service.ts'
import type { Action, ActionKit } from './action.ts'
import type { Command, CommandKit } from './command.ts'
import type { Dialog, DialogKit } from './dialog.ts'
import type { EventKit, EventListener } from './event.ts'
import type { HealthCheck, HealthKit } from './health.ts'
import type { Hook, HookKit } from './hook.ts'
import type { Job, JobKit } from './job.ts'
import type { Middleware, MiddlewareKit } from './middleware.ts'
import type { PersonalDataDefinition } from './personal-data.ts'
import type { RouteKit } from './route.ts'
import type { SessionDefinition } from './session.ts'
import type {
  HandlerContext,
  NoSchema,
  Nothing,
  PermissionSpec,
  PluginTypes,
  Schema,
} from './view.ts'

type TokenMap = Readonly<Record<string, ServiceToken<never>>>

/** Each key is one of setup's results and satisfies the token's type. */
type Provided<Result> = {
  // `& string`: over the bare keys the mapped type would take part in inferring the result, and spoil it
  readonly [K in keyof Result & string]?: ServiceToken<Result[K]>
}

interface TypesOf<
  Config extends Schema,
  Uses,
  Permissions,
  Session extends Schema,
  Result,
  Actions,
  Jobs,
  Dialogs,
> extends PluginTypes {
  config: z.output<Config>
  plugin: Result
  uses: Uses & object
  permission: keyof Permissions & string
  session: Session
  actions: Actions & object
  jobs: Jobs & object
  dialogs: Dialogs & object
}

/** Actions, jobs and dialogs may name each other; only names and data of what stands before are known to the types. */
type AnyJobs = Record<string, Job>
type AnyDialogs = Record<string, Dialog>
type BeforeActions<C extends Schema, U, R, Perm, S extends Schema> = TypesOf<
  C,
  U,
  Perm,
  S,
  R,
  Record<string, Action>,
  AnyJobs,
  AnyDialogs
>

/**
 * The typed description of one plugin. Write the keys in this order: inference runs from top to
 * bottom, so `config` and `uses` reach `setup`, its result reaches `actions`, `jobs` and `dialogs`, and those `commands`.
 * `hooks` and `routes` begin no dialogs, and may stand before them.
 */
export interface PluginDefinition<
  Config extends Schema,
  Uses extends TokenMap,
  Permissions extends Readonly<Record<string, PermissionSpec>>,
  Session extends Schema,
  Result,
  Actions extends Readonly<Record<string, Action>>,
  Jobs extends Readonly<Record<string, Job>>,
  Dialogs extends Readonly<Record<string, Dialog>>,
> {
  /** The folder's name: 2–16 of a–z and 0–9, beginning with a letter. */
  name: string
  version: string
  description?: string
  /** Range of the core's version, as npm writes them: `^1.0.0`. */
  engine?: string
  /** Plugins that must be live; without them this one waits. `uses` implies its provider. */
  requires?: readonly string[]
  /**
   * `swap` (default): the new version is set up beside the old one. `exclusive`: for what can't exist
   * twice, a port or a serial line: updates wait while the old version ends and the new one is set up.
   */
  reload?: 'swap' | 'exclusive'
  /** Read from the environment: `WORKLOG_SPREADSHEET_ID` is `spreadsheetId` of worklog. */
  config?: Config
  /** Services that it consumes, by the name they get in `ctx.use` and `scope.use`. */
  uses?: Uses
  /** Named `<plugin>.<what>`; who holds them by role from the start. */
  permissions?: Permissions
  /** MikroORM entities (`defineEntity`); their tables are named `<plugin>_…`. */
  entities?: readonly object[]
  /** Tables without the plugin's prefix that it owns all the same. */
  tables?: readonly string[]
  /** What it remembers of a person in a chat: `ctx.session`. */
  session?: SessionDefinition<Session>
  /** Runs before anything is visible; timers and listeners start at the commit. A throw aborts the reload. */
  setup?(scope: Scope<z.output<Config>, Used<Uses>>): Result | Promise<Result>
  /** Results of `setup` that others use, by token. */
  provides?: Provided<NoInfer<Result>>
  actions?(kit: ActionKit<BeforeActions<Config, Uses, Result, Permissions, Session>>): Actions
  /** Work in the background: durable, repeated when it fails, by the clock if they say so. */
  jobs?(
    kit: JobKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, AnyJobs, AnyDialogs>>,
  ): Jobs
  /** Operations of several steps: one question after the other, kept until they are answered. */
  dialogs?(
    kit: DialogKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, AnyDialogs>>,
  ): Dialogs
  middleware?(
    kit: MiddlewareKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>,
  ): readonly Middleware[]
  commands?(
    kit: CommandKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>,
  ): Readonly<Record<string, Command>>
  events?(
    kit: EventKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>,
  ): readonly EventListener[]
  /** What other programs may send: `POST /hooks/<plugin>/<hook>`. */
  hooks?(
    kit: HookKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, AnyDialogs>>,
  ): Readonly<Record<string, Hook>>
  /** What other programs may ask for, in the name of a person: under `/api/v1/<plugin>`. */
  routes?(
    http: RouteKit<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, AnyDialogs>>,
  ): void
  /** How what it depends on is: shown in `/plugins` and `/readyz`. */
  health?(kit: HealthKit<NoInfer<Result>>): Readonly<Record<string, HealthCheck>>
  /** What it keeps about people: how that is seen and erased. */
  personalData?: PersonalDataDefinition<NoInfer<Result>>
  /** The escape hatch: any Telegraf middleware, for what no route took. */
  telegraf?(
    composer: Composer<
      HandlerContext<TypesOf<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>>
    >,
  ): void
}

/** What `definePlugin` returns: plain data and functions, not yet checked. */
export interface Manifest {
  readonly kind: 'manifest'
  readonly definition: Readonly<Record<string, unknown>>
}

/**
 * Describes a plugin. The folder's `index.ts` default-exports the result; nothing of it runs when
 * the module is evaluated.
 */
export function definePlugin<
  Config extends Schema = NoSchema,
  const Uses extends TokenMap = Nothing,
  const Permissions extends Readonly<Record<string, PermissionSpec>> = Nothing,
  Session extends Schema = NoSchema,
  Result = undefined,
  Actions extends Readonly<Record<string, Action>> = Nothing,
  Jobs extends Readonly<Record<string, Job>> = Nothing,
  Dialogs extends Readonly<Record<string, Dialog>> = Nothing,
>(
  definition: PluginDefinition<Config, Uses, Permissions, Session, Result, Actions, Jobs, Dialogs>,
): Manifest {
  // the edge where types end: from here on a manifest is outside input, parsed by readManifest
  return { kind: 'manifest', definition: definition as unknown as Record<string, unknown> }
}
