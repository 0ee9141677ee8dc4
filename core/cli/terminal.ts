import { createInterface } from 'node:readline/promises'
import { OpsError } from '../errors.ts'

/** Asks a person one thing. @returns what they typed */
export type Ask = (question: string) => Promise<string>

/** Has questions answered on the terminal. @throws OPS_CLI_USAGE when it is closed before they are */
export async function onTerminal<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const closed = new Promise<never>((_, reject) => {
    // by Ctrl-C or Ctrl-D: a question would wait for ever
    terminal.once('close', () =>
      reject(new OpsError('OPS_CLI_USAGE', 'It was broken off; nothing is done')),
    )
  })
  try {
    return await Promise.race([work((question) => terminal.question(question)), closed])
  } finally {
    terminal.close()
  }
}
