import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig, readEnvironment } from '../configuration.ts'
import { openDatabase } from '../database/connection.ts'
import { OpsError } from '../errors.ts'
import { createLogger } from '../log/logger.ts'
import { type DeadLetter, DeadLetters } from '../plugin/offered/dead-letters.ts'
import { botIdOf } from '../telegram/identity.ts'

const listed = 50

/** `opsgram dead`: updates that were put aside, to be looked at, run again or dropped. @returns the exit code */
export async function deadCommand(args: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true })
  const [word = 'list', ...ids] = positionals
  if (!['list', 'show', 'again', 'drop'].includes(word) || (word !== 'list' && ids.length === 0)) {
    throw new OpsError('OPS_CLI_USAGE', `"dead ${positionals.join(' ')}" is not understood`, {
      hint: 'opsgram dead, dead show ID, dead again ID…, dead drop ID…; IDs are those that people were told: E-7K3QD.',
    })
  }
  const { config } = loadConfig(readEnvironment({ file: resolve('.env'), real: process.env }))
  const { token } = config.telegram
  if (token === undefined) {
    throw new OpsError(
      'OPS_CLI_USAGE',
      'Without BOT_TOKEN there is no bot whose updates these are',
      {
        hint: 'In the playground send /dead to the bot.',
      },
    )
  }
  const log = createLogger({
    level: 'warn',
    format: 'pretty',
    secrets: config.secrets,
    output: process.stderr,
  })
  const database = await openDatabase({ ...config.database, log })
  try {
    const redact = (text: string) => log.redact(text)
    const letters = new DeadLetters({ database, botId: botIdOf(token), redact })
    return await act(letters, word, ids)
  } finally {
    await database.close()
    await log.close()
  }
}

async function act(dead: DeadLetters, word: string, ids: readonly string[]): Promise<number> {
  if (word === 'list') {
    const { letters, total } = await dead.list(listed)
    console.log(total === 0 ? 'No update was put aside.' : `${total} put aside, the newest first:`)
    for (const letter of letters) console.log(lineOf(letter))
    return 0
  }
  let missing = 0
  for (const id of ids) {
    const found = await dead.find(id)
    if (found === undefined) {
      console.log(`${id}: there is none`)
      missing++
    } else if (word === 'show') console.log(textOf(found))
    else if (word === 'again') {
      await dead.runAgain(id)
      console.log(`${found.errorId}: open again; the bot takes it up, now or at its next start`)
    } else {
      await dead.drop(id)
      console.log(`${found.errorId}: dropped`)
    }
  }
  return missing === 0 ? 0 : 1
}

function lineOf({ errorId, buriedAt, kind, reason }: DeadLetter): string {
  const [first = ''] = reason.split('\n')
  return `  ${errorId}  ${buriedAt.toISOString()}  ${kind}  ${first.slice(0, 120)}`
}

function textOf(letter: DeadLetter): string {
  const { errorId, updateId, kind, chatId, userId, text, reason, tries } = letter
  return [
    `${errorId}: update ${updateId}, ${kind}`,
    `  received ${letter.receivedAt.toISOString()}, put aside ${letter.buriedAt.toISOString()}`,
    `  chat ${chatId ?? '-'}, person ${userId ?? '-'}${tries > 0 ? `, the process ended ${tries} times` : ''}`,
    ...(text === undefined ? [] : [`  text: ${text}`]),
    `  reason: ${reason}`,
  ].join('\n')
}
