import type { PluginDeclaration } from '../generation/instance.ts'
import { coreTokens, type ServiceToken, sameToken } from '../service.ts'

/** Why a plugin can't serve yet: names of plugins, or services, that are not there. */
export type Missing = readonly string[]

/** Which of a set of plugins can serve, and in which order they are set up. */
export interface DependencyOrder {
  /** Those that can: providers before their consumers. */
  readonly order: readonly string[]
  /** Those that can't, by name, with what they wait for. */
  readonly waiting: ReadonlyMap<string, Missing>
  /** Plugins that need each other in a circle: `a → b → a`; undefined when there is none. */
  readonly cycle: readonly string[] | undefined
}

type Needing = Pick<PluginDeclaration, 'name' | 'requires' | 'uses' | 'provides'>

/** Orders plugins by what they require and use. Pure: nothing is loaded or set up. */
export function orderByDependencies(plugins: readonly Needing[]): DependencyOrder {
  const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]))
  const order: string[] = []
  const served = new Set<string>()
  let left = [...plugins].sort((a, b) => (a.name < b.name ? -1 : 1))
  while (left.length > 0) {
    const up = [...served].flatMap((name) => byName.get(name) ?? [])
    const able = left.filter((plugin) => missingOf(plugin, up).length === 0)
    // an optional provider that comes later anyway goes first, unless that would hold up everything
    const settled = able.filter((plugin) => !awaitsOptional(plugin, up, left))
    const [next] = settled.length > 0 ? settled : able
    if (next === undefined) break
    order.push(next.name)
    served.add(next.name)
    left = left.filter((plugin) => plugin !== next)
  }
  const up = order.flatMap((name) => byName.get(name) ?? [])
  return {
    order,
    waiting: new Map(left.map((plugin) => [plugin.name, missingOf(plugin, up)])),
    cycle: findCycle(left),
  }
}

/** What a plugin needs and none of these gives. */
export function missingOf(plugin: Needing, up: readonly Needing[]): Missing {
  const plugins = plugin.requires.filter((name) => !up.some((other) => other.name === name))
  const services = [...plugin.uses.values()]
    .filter((token) => token.optional !== true && !isProvided(token, up))
    .map(tokenName)
  return [...new Set([...plugins, ...services])]
}

function isProvided(token: ServiceToken<never>, up: readonly Needing[]): boolean {
  return coreTokens.some((core) => sameToken(core, token)) || providersOf(token, up).length > 0
}

function awaitsOptional(
  plugin: Needing,
  up: readonly Needing[],
  left: readonly Needing[],
): boolean {
  const others = left.filter((other) => other !== plugin)
  return [...plugin.uses.values()].some(
    (token) =>
      token.optional === true && !isProvided(token, up) && providersOf(token, others).length > 0,
  )
}

function providersOf(token: ServiceToken<never>, plugins: readonly Needing[]): readonly Needing[] {
  return plugins.filter(({ provides }) =>
    [...provides.values()].some((offered) => sameToken(offered, token)),
  )
}

/** How a token is named to people: `worklog@1`. */
export function tokenName(token: ServiceToken<never>): string {
  return `${token.name}@${token.major}`
}

/** A circle among plugins that wait for each other; the first plugin stands at both ends. */
function findCycle(plugins: readonly Needing[]): readonly string[] | undefined {
  const edges = (plugin: Needing): readonly Needing[] => [
    ...plugins.filter(({ name }) => plugin.requires.includes(name)),
    ...[...plugin.uses.values()]
      .filter((token) => token.optional !== true)
      .flatMap((token) => providersOf(token, plugins)),
  ]
  const done = new Set<Needing>()
  const visit = (plugin: Needing, path: readonly Needing[]): readonly string[] | undefined => {
    const at = path.indexOf(plugin)
    if (at !== -1) return [...path.slice(at), plugin].map(({ name }) => name)
    if (done.has(plugin)) return undefined
    for (const next of edges(plugin)) {
      const cycle = visit(next, [...path, plugin])
      if (cycle !== undefined) return cycle
    }
    done.add(plugin)
    return undefined
  }
  for (const plugin of plugins) {
    const cycle = visit(plugin, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}
