// npx opsgram …: the command line for plugin authors and operators.
import packageJson from '../../package.json' with { type: 'json' }
import { codeOf, messageOf, OpsError } from '../errors.ts'
import { nearest } from '../plugin/code/nearest.ts'
import { printError } from './print.ts'
import { type CommandName, commandUsages } from './usage.ts'

/** Each is loaded when it is asked for: help must not wait for a test kit. */
const commands: Readonly<Record<CommandName, (args: readonly string[]) => Promise<number>>> = {
  new: async (args) => (await import('./new/new.ts')).newCommand(args),
  check: async (args) => (await import('./check/check.ts')).checkCommand(args),
  test: async (args) => (await import('./test.ts')).testCommand(args),
  dev: async (args) => (await import('./dev/dev.ts')).devCommand(args),
  migrate: async (args) => (await import('./migrate/migrate.ts')).migrateCommand(args),
  plugin: async (args) => (await import('./plugin/plugin.ts')).pluginCommand(args),
  dead: async (args) => (await import('./dead.ts')).deadCommand(args),
  doctor: async (args) => (await import('./doctor/doctor.ts')).doctorCommand(args),
  backup: async (args) => (await import('./backup.ts')).backupCommand(args),
  restore: async (args) => (await import('./backup.ts')).restoreCommand(args),
  config: async (args) => (await import('./config.ts')).configCommand(args),
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
    return await commands[command](args)
  } catch (error) {
    return report(error)
  }
}

function help(name: string | undefined): number {
  if (name !== undefined && !name.startsWith('-')) {
    const { usage, summary, details } = commandUsages[commandOf(name)]
    console.log(`opsgram ${usage}\n\n${summary}. ${details}`)
    return 0
  }
  const width = Math.max(...Object.keys(commandUsages).map(({ length }) => length))
  const lines = Object.entries(commandUsages).map(
    ([word, { summary }]) => `  ${word.padEnd(width)}  ${summary}`,
  )
  console.log(
    `opsgram ${packageJson.version}\n\n${lines.join('\n')}\n\nopsgram help COMMAND tells more of one.`,
  )
  return 0
}

function commandOf(name: string): CommandName {
  if (isCommand(name)) return name
  const near = nearest(name, Object.keys(commandUsages))
  throw new OpsError('OPS_CLI_USAGE', `There is no command "${name}"`, {
    ...(near === undefined ? {} : { hint: `Did you mean: opsgram ${near}?` }),
  })
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commandUsages, name)
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
