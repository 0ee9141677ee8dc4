import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import {
  type Config,
  changedVariables,
  isNobodys,
  parseConfig,
  pluginValues,
} from '../config/config.ts'
import { clean, type Environment } from '../config/environment.ts'
import type { Problem } from '../config/problem.ts'
import { secretsIn, shortestSecret } from '../config/secrets.ts'
import { codeOf, errorCodes, messageOf, OpsError } from './errors.ts'

/** Where the environment comes from. */
export interface Sources {
  /** Path of the `.env` file; it need not exist. */
  readonly file: string
  /** The real environment (`process.env`), which wins over the file. */
  readonly real: Environment
  /** Variables that count as not set, wherever they are. */
  readonly omit?: readonly string[]
}

/**
 * The environment of now: the file's variables, over them those of SECRETS_DIR, over them the real ones. A blank
 * one doesn't win, since compose files hand on every variable they know, set or not.
 * @throws OPS_ENV_FILE when the file is there but can't be read, OPS_SECRET_FILE
 */
export function readEnvironment({ file, real, omit = [] }: Sources): Environment {
  const ofFile = readFile(file)
  const values = over(over(ofFile, readSecrets(secretsDirOf(over(ofFile, real)))), real)
  for (const name of omit) delete values[name]
  return values
}

/** What differs after a re-reading: plugins to be reloaded, and core variables that need a new start. */
export interface EnvironmentChange {
  readonly plugins: readonly string[]
  readonly core: readonly string[]
}

/** The environment of a running process, whose `.env` may change. */
export class LiveEnvironment {
  readonly #sources: Sources
  #values: Environment

  /** @throws OPS_ENV_FILE */
  constructor(sources: Sources) {
    this.#sources = sources
    this.#values = readEnvironment(sources)
  }

  get values(): Environment {
    return this.#values
  }

  /**
   * Names of the `.env` file that neither the core nor any plugin can mean, such as `BOT_TOKN`. The real
   * environment isn't looked at: it is full of other programs' variables.
   */
  get unknownNames(): readonly string[] {
    return Object.keys(readFile(this.#sources.file)).filter(isNobodys)
  }

  /** Values that no log line may hold, as of the last reading. */
  get secrets(): readonly string[] {
    const inFiles = Object.values(readSecrets(secretsDirOf(this.#values)))
    return [
      ...secretsIn(this.#values),
      ...inFiles.filter((value) => value.length >= shortestSecret),
    ]
  }

  /** What is set for one plugin, as of the last reading. */
  pluginEnv(plugin: string): Record<string, string> {
    return pluginValues(this.#values, plugin)
  }

  /**
   * Reads the file again and tells what changed. `plugins` are first words of variables: not each is a plugin.
   * @throws OPS_ENV_FILE; the last reading stays then.
   */
  reread(): EnvironmentChange {
    const before = this.#values
    this.#values = readEnvironment(this.#sources)
    return changedVariables(before, this.#values)
  }
}

/**
 * Parses an environment for this process.
 * @throws OPS_CONFIG, OPS_ADMIN_IDS_MISSING
 */
export function loadConfig(env: Environment): { config: Config; warnings: readonly string[] } {
  const result = parseConfig(env, { resolve, terminal: process.stdout.isTTY === true })
  if (!result.ok) throw errorOf(result.problems)
  return result
}

/** What is set in `above` wins; what is blank there only stands where nothing else does. */
function over(below: Environment, above: Environment): Record<string, string | undefined> {
  const values = { ...below }
  for (const [name, text] of Object.entries(above)) {
    if (text !== undefined && (text.trim() !== '' || values[name] === undefined))
      values[name] = text
  }
  return values
}

function secretsDirOf({ SECRETS_DIR }: Environment): string | undefined {
  return clean(SECRETS_DIR)
}

/** The files of a folder that are named like variables; what else lies there is somebody else's. */
function readSecrets(dir: string | undefined): Record<string, string> {
  if (dir === undefined) return {}
  const path = resolve(dir)
  try {
    const names = readdirSync(path).filter((name) => /^[A-Z][A-Z0-9_]*$/.test(name))
    return Object.fromEntries(
      names.map((name) => [name, readFileSync(join(path, name), 'utf8').trim()]),
    )
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {}
    throw new OpsError(
      'OPS_SECRET_FILE',
      `A file of SECRETS_DIR cannot be read: ${messageOf(error)}`,
      {
        cause: error,
        details: { dir: path },
      },
    )
  }
}

function readFile(file: string): NodeJS.Dict<string> {
  try {
    // parseEnv takes the byte order mark of Windows editors for a part of the first name
    return parseEnv(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {}
    throw new OpsError('OPS_ENV_FILE', `${file} cannot be read (${codeOf(error)})`, {
      cause: error,
      details: { file },
    })
  }
}

const codes = {
  value: 'OPS_CONFIG',
  owners: 'OPS_ADMIN_IDS_MISSING',
} as const

function errorOf(problems: readonly Problem[]): OpsError {
  const kinds = new Set(problems.map(({ kind }) => kind))
  const [only] = kinds
  const code = kinds.size === 1 && only !== undefined ? codes[only] : 'OPS_CONFIG'
  const hints = [...new Set(problems.map(hintOf))].filter((hint) => hint !== undefined)
  return new OpsError(code, problems.map(sentenceOf).join('\n'), {
    ...(hints.length > 0 && { hint: hints.join('\n') }),
    details: { problems },
  })
}

function sentenceOf({ kind, variable, given, accepted }: Problem): string {
  if (kind === 'owners') return `${variable} is not set, and with BOT_TOKEN it must be: ${accepted}`
  return `${variable} is ${given}; accepted: ${accepted}`
}

function hintOf({ kind, hint }: Problem): string | undefined {
  return kind === 'value' ? hint : errorCodes[codes[kind]].hint
}
