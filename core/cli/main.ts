// npx opsgram …: the command line for plugin authors and operators.
import packageJson from '../../package.json' with { type: 'json' }
import { codeOf, messageOf, OpsError } from '../errors.ts'
import { nearest } from '../plugin/code/nearest.ts'
import { printError } from './print.ts'

interface CliCommand {
  readonly usage: string
  readonly summary: string
  /** What `--help` says beyond that. */
  readonly details: string
  /** @returns the exit code */
  run(args: readonly string[]): Promise<number> | number
}

// each is loaded when it is asked for: help must not wait for a test kit
const commands: Readonly<Record<string, CliCommand>> = {
  new: {
    usage: 'new [NAME] [--dir DIR] [--with entity] [--description TEXT]',
    summary: 'write a new plugin: code, texts, test, README',
    details:
      'Asks for what is not given when it runs on a terminal. DIR is where plugin folders lie; default: the first of PLUGINS_DIR.',
    run: async (args) => (await import('./new/new.ts')).newCommand(args),
  },
  check: {
    usage: 'check PATH…',
    summary: 'tell all that is wrong with plugin folders',
    details:
      'Builds each plugin and reads its manifest, checks types, texts and conflicts with its neighbours, then loads, reloads and unloads it in a scratch bot with an empty database: its setup runs, with its settings from .env and the environment.',
    run: async (args) => (await import('./check/check.ts')).checkCommand(args),
  },
  migrate: {
    usage: 'migrate [--dry-run] | status | create NAME [--plugin P] | redo [--plugin P] [--force]',
    summary: 'run the pending migrations of the core and all plugins; write one',
    details:
      'On the database of .env and the environment. While no instance of the bot lives it runs everything, beside one what is additive. --dry-run names what is pending and changes nothing, status lists all there is. create writes a plugin’s next migration: what its entities have and its migrations don’t make yet, else an empty one. redo undoes the last one by its down and runs it anew, for writing one; on PostgreSQL only with --force. Without --plugin the folder that it runs in is meant, or the only plugin there is. docs/migrations.md tells more.',
    run: async (args) => (await import('./migrate/migrate.ts')).migrateCommand(args),
  },
  plugin: {
    usage: 'plugin purge NAME [--yes]',
    summary: 'drop what a plugin has left whose folder is gone',
    details:
      'Lists its tables with their rows, its kept builds and what people decided about it, and asks before all of it goes. Refused while its folder is there or an instance of the bot lives. --yes doesn’t ask.',
    run: async (args) => (await import('./plugin/plugin.ts')).pluginCommand(args),
  },
  dead: {
    usage: 'dead [show ID | again ID… | drop ID…]',
    summary: 'updates that could not be handled: list, show, run again, drop',
    details:
      'On the database of .env and the environment, by the ids that people were told. PostgreSQL may be in use by running bots, which take up at once what is run again; with the embedded database the bot must not run.',
    run: async (args) => (await import('./dead.ts')).deadCommand(args),
  },
  config: {
    usage: 'config [--write | --check]',
    summary: 'print an example .env',
    details:
      'In a checkout of opsgram, --write writes the generated files anew and --check names those that are stale.',
    run: async (args) => (await import('./config.ts')).configCommand(args),
  },
}

process.exitCode = await main(process.argv.slice(2))
// what a plugin under check left behind must not keep the process
process.exit()

async function main([name, ...args]: readonly string[]): Promise<number> {
  try {
    if (name === undefined || name === 'help' || name === '--help' || name === '-h')
      return help(args[0])
    if (name === '--version' || name === '-v') {
      console.log(packageJson.version)
      return 0
    }
    const command = commandOf(name)
    if (args.includes('--help') || args.includes('-h')) return help(name)
    return await command.run(args)
  } catch (error) {
    return report(error)
  }
}

function help(name: string | undefined): number {
  if (name !== undefined && !name.startsWith('-')) {
    const { usage, summary, details } = commandOf(name)
    console.log(`opsgram ${usage}\n\n${summary}. ${details}`)
    return 0
  }
  const width = Math.max(...Object.keys(commands).map(({ length }) => length))
  const lines = Object.entries(commands).map(
    ([word, { summary }]) => `  ${word.padEnd(width)}  ${summary}`,
  )
  console.log(
    `opsgram ${packageJson.version}\n\n${lines.join('\n')}\n\nopsgram help COMMAND tells more of one.`,
  )
  return 0
}

function commandOf(name: string): CliCommand {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command !== undefined) return command
  const near = nearest(name, Object.keys(commands))
  throw new OpsError('OPS_CLI_USAGE', `There is no command "${name}"`, {
    ...(near === undefined ? {} : { hint: `Did you mean: opsgram ${near}?` }),
  })
}

/** @returns the exit code */
function report(error: unknown): number {
  const known =
    error instanceof OpsError
      ? error
      : codeOf(error)?.startsWith('ERR_PARSE_ARGS_') === true
        ? new OpsError('OPS_CLI_USAGE', messageOf(error).split('. ')[0] ?? '')
        : undefined
  if (known === undefined) {
    console.error(error)
    return 1
  }
  printError(known)
  return 1
}
