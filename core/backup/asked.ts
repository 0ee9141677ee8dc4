import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { StillFiles } from '../database/still-files.ts'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { type Backup, backUp } from './backup.ts'

/** How often each side looks, ms. */
const lookMs = 500
/** A bot that runs has taken a request by then, ms. */
const takenMs = 20_000
/** And has written the backup by then, ms. */
const writtenMs = 600_000

const requestSchema = z.object({ folder: z.string(), keep: z.number().int().positive() })
const answerSchema = z.union([
  z.object({ file: z.string(), bytes: z.number(), rows: z.number(), tables: z.number() }),
  z.object({ code: z.string(), message: z.string() }),
])

type Request = z.infer<typeof requestSchema>
type Taken = Pick<Backup, 'file' | 'bytes'> & { readonly rows: number; readonly tables: number }

/** Beside the files of the embedded database: who may write there may read it all the same. */
const requestIn = (dir: string) => join(dir, 'backup-asked.json')
const answerIn = (dir: string) => join(dir, 'backup-answer.json')

/** Has the process that holds the embedded database of `dir` write a backup. @throws OPS_DATABASE_IN_USE when it doesn't */
export async function askForBackup(dir: string, request: Request): Promise<Taken> {
  await rm(answerIn(dir), { force: true })
  await put(requestIn(dir), request)
  if (!(await within(takenMs, () => !existsSync(requestIn(dir))))) {
    await rm(requestIn(dir), { force: true })
    throw new OpsError('OPS_DATABASE_IN_USE', `Who uses ${dir} takes no backup`)
  }
  if (!(await within(writtenMs, () => existsSync(answerIn(dir))))) {
    throw new OpsError('OPS_BACKUP_FAILED', 'The bot did not say that it is written')
  }
  const answer = answerSchema.parse(JSON.parse(await readFile(answerIn(dir), 'utf8')))
  await rm(answerIn(dir), { force: true })
  if ('file' in answer) return answer
  throw new OpsError('OPS_BACKUP_FAILED', answer.message, { details: { reason: answer.code } })
}

/**
 * Writes the backups that `opsgram backup` asks for beside a bot that runs: nobody else can read the embedded database then.
 *
 * @returns what ends it, once the one that is being written is there
 */
export function takeAskedBackups(options: {
  dir: string
  still: StillFiles
  version: string
  log: Logger
}): () => Promise<void> {
  const { dir, still, version, log } = options
  let running: Promise<void> | undefined
  const take = async () => {
    const text = await readFile(requestIn(dir), 'utf8')
    await rm(requestIn(dir))
    try {
      const { folder, keep } = requestSchema.parse(JSON.parse(text))
      const taken = await backUp({ url: undefined, dir, still }, { folder, keep, version })
      const { file, bytes, manifest, removed } = taken
      log.info('backup.done', { file, bytes, removed: removed.length })
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0)
      await put(answerIn(dir), { file, bytes, rows, tables: manifest.tables.length })
    } catch (error) {
      log.error('backup.failed', { error })
      await put(answerIn(dir), { code: codeOf(error) ?? '', message: messageOf(error) })
    }
  }
  const timer = setInterval(() => {
    if (running !== undefined || !existsSync(requestIn(dir))) return
    running = take()
      .catch((error: unknown) => log.error('backup.failed', { error }))
      .finally(() => {
        running = undefined
      })
  }, lookMs)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}

/** A file that is there is whole. */
async function put(path: string, content: unknown): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(content), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

async function within(ms: number, isSo: () => boolean): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; ) {
    if (isSo()) return true
    await delay(lookMs)
  }
  return isSo()
}
