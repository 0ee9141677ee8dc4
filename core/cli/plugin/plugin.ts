import { OpsError } from '../../errors.ts'
import { nearest } from '../../plugin/code/nearest.ts'

/** `opsgram plugin …`: what is done to one plugin from outside the bot. */
export async function pluginCommand([word = '', ...args]: readonly string[]): Promise<number> {
  if (word === 'purge') return (await import('./purge.ts')).purgeCommand(args)
  const near = nearest(word, ['purge'])
  throw new OpsError(
    'OPS_CLI_USAGE',
    word === '' ? 'What shall be done?' : `There is no "plugin ${word}"`,
    {
      hint:
        near === undefined ? 'opsgram plugin purge NAME' : `Did you mean: opsgram plugin ${near}?`,
    },
  )
}
