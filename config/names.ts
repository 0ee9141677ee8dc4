import { access } from './access.ts'
import { backups } from './backups.ts'
import { database } from './database.ts'
import { http } from './http.ts'
import { lifecycle } from './lifecycle.ts'
import { limits } from './limits.ts'
import { log } from './log.ts'
import { people } from './people.ts'
import { plugins } from './plugins.ts'
import { secretsDir } from './secrets-dir.ts'
import { telegram } from './telegram.ts'
import type { Section } from './variable.ts'
import { webhook } from './webhook.ts'

/** Every section, in the order of the documentation. */
export const sections: readonly Section[] = [
  telegram,
  webhook,
  access,
  limits,
  http,
  database,
  backups,
  plugins,
  people,
  log,
  lifecycle,
  secretsDir,
]

/** Names of the core's own variables; all others may be a plugin's. */
export const coreVariables: ReadonlySet<string> = new Set([
  ...sections.flatMap((section) => Object.keys(section.variables)),
  'TEST_DATABASE_URL',
  'TEST_REDIS_URL',
])

/**
 * Names no plugin may have: `http` would make its `HTTP_PORT` out of the core's. The first-party plugins
 * `auth` and `plugins` share their first word with the core on purpose and are not among them.
 */
export const reservedPluginNames: ReadonlySet<string> = new Set(
  [...coreVariables]
    .map((name) => firstWord(name))
    .filter((word) => word !== 'auth' && word !== 'plugins')
    .concat('core', 'node', 'npm', 'opsgram'),
)

/** `WORKLOG_SPREADSHEET_ID` → `worklog`. Names of plugins hold no underscore, so the first one ends it. */
export function firstWord(variable: string): string {
  return variable.split('_', 1).join('').toLowerCase()
}

/** `worklog`, `spreadsheetId` → `WORKLOG_SPREADSHEET_ID`: the variable that sets a plugin's value. */
export function pluginVariable(plugin: string, key: string): string {
  return `${plugin}_${key.replace(/[A-Z]/g, '_$&')}`.toUpperCase()
}

/** `WORKLOG_SPREADSHEET_ID` → `spreadsheetId`. */
export function pluginKey(variable: string): string {
  return variable
    .slice(variable.indexOf('_') + 1)
    .toLowerCase()
    .replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
