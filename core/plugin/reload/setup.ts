import type { Clock } from '../../clock.ts'
import type { EntityManager } from '../../database/orm.ts'
import { messageOf, OpsError } from '../../errors.ts'
import type { HttpCalls } from '../../http/client/client.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { Logger } from '../../log/logger.ts'
import type { Store } from '../../store/store.ts'
import { PluginCache } from '../cache.ts'
import type { LoadMarks } from '../code/load-marks.ts'
import { asPlugin } from '../code/owner.ts'
import type { PluginStacks } from '../code/stack.ts'
import type { LoadedPlugin } from '../generation/loaded.ts'
import { PluginCheck } from '../offered/health.ts'
import { jobRequest } from '../run/enqueue.ts'
import { type CarriedState, PluginScope } from '../scope.ts'
import { type ServiceToken, sameToken } from '../service.ts'
import { tokenName } from './dependencies.ts'
import type { PreparedPlugin } from './prepare.ts'

/** `setup` may take so long; then the reload is aborted. */
const setupLimitMs = 10_000

/** A service that the core provides, made for the one scope that uses it. */
export interface CoreService {
  readonly token: ServiceToken<never>
  provideTo(scope: PluginScope<unknown, unknown>): unknown
}

export interface SetupParts {
  log: Logger
  clock: Clock
  em: () => EntityManager
  coreServices: readonly CoreService[]
  /** Clients for other services. */
  calls: Pick<HttpCalls, 'for'>
  /** Told of each value that it asked its cache for. */
  cacheAsked?: ((plugin: string, isHit: boolean) => void) | undefined
  /** Where instances hear of each other. */
  store: Pick<Store, 'publish' | 'subscribe'>
  /** Where jobs are put. */
  queue: Pick<JobQueue, 'send'>
  /** The live provider of a token; during set-up the one that goes live with it. */
  resolve: (token: ServiceToken<never>) => unknown
  stacks: PluginStacks
  marks?: LoadMarks | undefined
  /** What the version before holds over reloads. */
  carried?: CarriedState | undefined
  /** The version before, for what its health checks found. */
  previous?: Pick<LoadedPlugin, 'checks'> | undefined
  /** Number that the generation will have. */
  generation: number
}

/**
 * Step 7: makes the scope and runs `setup` in the dark. A throw disposes what was opened so far.
 *
 * @throws OPS_PLUGIN_SETUP, OPS_PLUGIN_SETUP_TIMEOUT, OPS_PLUGIN_SERVICE
 */
export async function setUpPlugin(
  prepared: PreparedPlugin,
  parts: SetupParts,
): Promise<LoadedPlugin> {
  const { name, declaration, config } = prepared
  // The scope keeps functions that are made here, and with them everything that any of them mentions: none may
  // mention `parts`, which holds the version before.
  const { resolve, stacks, marks, queue, clock, cacheAsked } = parts
  const coreServices = new Map<string, unknown>()
  const cache = new PluginCache({
    plugin: name,
    store: parts.store,
    elapsed: () => clock.elapsed(),
    asked: (isHit) => cacheAsked?.(name, isHit),
  })
  const use = {}
  const scope = new PluginScope<unknown, unknown>({
    plugin: name,
    config,
    use,
    log: parts.log.child({ plugin: name }),
    clock,
    em: parts.em,
    texts: (language) => declaration.texts.in(language),
    carried: parts.carried,
    calls: parts.calls,
    cache,
    async enqueue(job, data = {}, options = {}) {
      const plugin = { name, jobs: declaration.jobs }
      const request = jobRequest({ plugin, job, data, options, now: clock.now() })
      await queue.send(request)
      return request.id
    },
  })
  scope.onDispose(() => cache.close())
  for (const [key, token] of declaration.uses) {
    const core = parts.coreServices.find((service) => sameToken(service.token, token))
    if (core !== undefined) coreServices.set(key, core.provideTo(scope))
    // asked at each use: long-lived code gets the provider that is live by then
    Object.defineProperty(use, key, {
      enumerable: true,
      get: () => coreServices.get(key) ?? serviceOf(name, token, resolve),
    })
  }
  try {
    const setUp = () => runSetup(prepared, scope, stacks)
    const result = await (marks?.during(prepared.build, setUp) ?? setUp())
    checkProvided(prepared, result)
    return {
      ...declaration,
      config,
      result,
      cache,
      coreServices,
      build: prepared.build,
      evaluated: prepared.evaluated,
      scope,
      checks: checksOf(declaration, { result, scope, before: parts.previous?.checks ?? [] }),
      since: parts.generation,
    }
  } catch (error) {
    await scope.dispose()
    throw error
  }
}

function checksOf(
  { health }: PreparedPlugin['declaration'],
  parts: {
    result: unknown
    scope: PluginScope<unknown, unknown>
    before: readonly PluginCheck[]
  },
): readonly PluginCheck[] {
  return [...health].map(([check, definition]) => {
    const found = parts.before.find((old) => old.check === check)?.state
    return new PluginCheck(check, definition, parts.result, parts.scope, found)
  })
}

async function runSetup(
  { name, setup }: PreparedPlugin,
  scope: PluginScope<unknown, unknown>,
  stacks: PluginStacks,
): Promise<unknown> {
  if (setup === undefined) return undefined
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new OpsError(
          'OPS_PLUGIN_SETUP_TIMEOUT',
          `setup of plugin ${name} didn't end within ${setupLimitMs} ms`,
          {
            details: { plugin: name },
          },
        ),
      )
    }, setupLimitMs)
  })
  try {
    // the manifest was written against the scope that it gets here; only the types are erased
    const run = setup as (scope: PluginScope<unknown, unknown>) => unknown
    return await Promise.race([asPlugin(name, async () => run(scope)), limit])
  } catch (error) {
    if (error instanceof OpsError) throw error
    const place = stacks.locationOf(error)
    throw new OpsError('OPS_PLUGIN_SETUP', `setup of plugin ${name} threw: ${messageOf(error)}`, {
      cause: error,
      details: {
        plugin: name,
        ...(place === undefined ? {} : { file: place.file, line: place.line }),
      },
    })
  } finally {
    clearTimeout(timer)
  }
}

/** @throws OPS_SERVICE_AWAY */
function serviceOf(
  plugin: string,
  token: ServiceToken<never>,
  resolve: SetupParts['resolve'],
): unknown {
  const service = resolve(token)
  if (service !== undefined || token.optional === true) return service
  throw new OpsError(
    'OPS_SERVICE_AWAY',
    `Plugin ${plugin} used the service ${tokenName(token)} while no live plugin provides it`,
    { details: { plugin, service: token.name } },
  )
}

function checkProvided({ name, declaration }: PreparedPlugin, result: unknown): void {
  for (const [key, token] of declaration.provides) {
    const offered =
      typeof result === 'object' && result !== null ? Reflect.get(result, key) : undefined
    if (offered === undefined || offered === null) {
      throw new OpsError(
        'OPS_PLUGIN_SERVICE',
        `Plugin ${name} provides "${key}" as ${token.name}, but its setup returned no "${key}"`,
        { details: { plugin: name, service: token.name } },
      )
    }
  }
}
