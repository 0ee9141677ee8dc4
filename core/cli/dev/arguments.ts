import { parseArgs } from 'node:util'
import { OpsError } from '../../errors.ts'

export interface DevArguments {
  readonly paths: readonly string[]
  /** Options of Node for the bot's process. */
  readonly nodeArgs: readonly string[]
  /** The playground, whether or not there is a token. */
  readonly playground: boolean
  readonly types: boolean
}

/** @throws OPS_CLI_USAGE */
export function devArguments(args: readonly string[]): DevArguments {
  // an option whose value may be left out is no thing of parseArgs
  const given = args.map((arg) => (arg === '--inspect' ? '--inspect=9229' : arg))
  const { values, positionals } = parseArgs({
    args: given,
    allowPositionals: true,
    options: {
      inspect: { type: 'string' },
      playground: { type: 'boolean', default: false },
      'no-types': { type: 'boolean', default: false },
    },
  })
  return {
    paths: positionals,
    nodeArgs: values.inspect === undefined ? [] : [inspectOption(values.inspect)],
    playground: values.playground,
    types: !values['no-types'],
  }
}

/** On loopback: whoever reaches a debugger runs what they like. */
function inspectOption(port: string): string {
  if (/^\d{1,5}$/.test(port) && Number(port) < 65_536) return `--inspect=127.0.0.1:${port}`
  throw new OpsError('OPS_CLI_USAGE', `--inspect=${port} is no port`, {
    hint: 'Write --inspect, or --inspect=PORT with a number from 0 to 65535.',
  })
}
