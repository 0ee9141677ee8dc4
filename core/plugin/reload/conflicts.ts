import type { SchemaNeeds } from '../../database/schema-check.ts'
import { OpsError } from '../../errors.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import { coreTokens, type ServiceToken, sameToken } from '../service.ts'

/**
 * What two plugins can't both have: commands, entities, tables, and the tokens that exactly one
 * provides. Each conflict names both sides.
 *
 * @throws OPS_PLUGIN_CONFLICT, OPS_PLUGIN_TABLE, OPS_PLUGIN_SERVICE
 */
export function checkConflicts(plugins: readonly PluginDeclaration[], core: SchemaNeeds): void {
  const commands = new Owners('command', (name) => `the command /${name}`)
  const entities = new Owners('entity', (name) => `the entity ${name}`)
  const tables = new Owners('table', (name) => `the table ${name}`)
  const services = new Owners('service', (name) => `the service ${name}`)
  for (const name of core.entityNames) entities.claim(name, 'the core')
  for (const name of core.tables.keys()) tables.claim(name, 'the core')
  for (const plugin of plugins) {
    for (const [name, { aliases }] of plugin.commands) {
      for (const word of [name, ...aliases]) commands.claim(word.toLowerCase(), plugin.name)
    }
    for (const name of plugin.needs.entityNames) entities.claim(name, plugin.name)
    for (const table of plugin.needs.tables.keys()) checkTableName(plugin, table)
    for (const table of new Set([...plugin.needs.tables.keys(), ...plugin.tables])) {
      tables.claim(table, plugin.name)
    }
    for (const [key, token] of plugin.provides) {
      checkProvided(plugin.name, key, token)
      services.claim(`${token.name}@${token.major}`, plugin.name)
    }
  }
}

class Owners {
  readonly #kind: string
  readonly #say: (name: string) => string
  readonly #owners = new Map<string, string>()

  constructor(kind: string, say: (name: string) => string) {
    this.#kind = kind
    this.#say = say
  }

  claim(name: string, plugin: string): void {
    const owner = this.#owners.get(name)
    if (owner !== undefined) {
      const both = owner === plugin ? `twice by plugin ${owner}` : `by both ${owner} and ${plugin}`
      throw new OpsError('OPS_PLUGIN_CONFLICT', `${capital(this.#say(name))} is declared ${both}`, {
        details: { plugin, plugins: [owner, plugin], [this.#kind]: name },
      })
    }
    this.#owners.set(name, plugin)
  }
}

function checkTableName(plugin: PluginDeclaration, table: string): void {
  if (table.startsWith(`${plugin.name}_`) || plugin.tables.includes(table)) return
  throw new OpsError(
    'OPS_PLUGIN_TABLE',
    `The table ${table} of plugin ${plugin.name} doesn't begin with "${plugin.name}_"`,
    { details: { plugin: plugin.name, table } },
  )
}

function checkProvided(plugin: string, key: string, token: ServiceToken<never>): void {
  const isCore = coreTokens.some((core) => sameToken(core, token))
  if (!isCore) return
  throw new OpsError(
    'OPS_PLUGIN_SERVICE',
    `Plugin ${plugin} provides "${key}" as ${token.name}, which the core itself provides`,
    { details: { plugin, service: token.name } },
  )
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
