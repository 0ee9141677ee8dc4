import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PGlite, Results, Transaction } from '@electric-sql/pglite'
import type { QueryResult, TransactionSettings } from 'kysely'
import { codeOf, messageOf, OpsError } from '../errors.ts'
import type { Session, SessionSource } from './driver.ts'
import { SqlArray } from './sql-array.ts'
import type { StillFiles } from './still-files.ts'
import { typeParsers } from './types.ts'

/** How long a query waits for the one connection before it gives up. */
const acquireMs = 10_000

/**
 * Opens the embedded PostgreSQL in `folder`, making it on first use. The caller holds the folder's lock.
 *
 * @throws OpsError OPS_DATABASE_DAMAGED if the files can't be opened; they are left as they are.
 */
export async function openEmbedded(folder: string): Promise<PGlite> {
  const files = join(folder, 'pg')
  // Written after the first successful opening: files without it are what an interrupted first start left behind.
  const complete = join(folder, 'complete')
  if (existsSync(files) && !existsSync(complete)) rmSync(files, { recursive: true, force: true })
  // where this one is missing PGlite would write a new, empty database over all that is there
  if (existsSync(complete) && !existsSync(join(files, 'PG_VERSION'))) {
    throw damaged(folder, files, 'its file PG_VERSION is missing')
  }
  // 27 MB of WASM and about 150 MB of memory: only where it is used.
  const { PGlite } = await import('@electric-sql/pglite')
  try {
    const pglite = await PGlite.create({
      dataDir: files,
      parsers: { ...typeParsers },
      // The system caches the files anyway; of PostgreSQL's usual 128 MB all is resident from the start.
      startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'],
    })
    writeFileSync(complete, '')
    return pglite
  } catch (error) {
    throw damaged(folder, files, messageOf(error).split('\n')[0] ?? '', error)
  }
}

export function stillFiles(pglite: PGlite): StillFiles {
  return (work) =>
    pglite.transaction((transaction) =>
      work(
        async <Row>(sql: string, parameters: readonly unknown[] = []) =>
          (await transaction.query<Row>(sql, [...parameters])).rows,
        // what no transaction holds open is in the log of the files, from which the copy recovers
        () => pglite.dumpDataDir('gzip'),
      ),
    )
}

function damaged(folder: string, files: string, what: string, cause?: unknown): OpsError {
  return new OpsError(
    'OPS_DATABASE_DAMAGED',
    `The embedded database in ${files} can't be opened: ${what}`,
    {
      hint: `Keep a copy of ${folder}. Put a backup in its place, or move it away to begin with an empty database.`,
      cause,
      details: { folder },
    },
  )
}

function plain(parameter: unknown): unknown {
  return parameter instanceof SqlArray ? parameter.values : parameter
}

/** Hands the one connection of PGlite out, first come, first served. */
export class EmbeddedSource implements SessionSource {
  readonly #pglite: PGlite
  readonly #waiting: (() => void)[] = []
  #held = false

  constructor(pglite: PGlite) {
    this.#pglite = pglite
  }

  async acquire(): Promise<Session> {
    if (this.#held) await this.#turn()
    this.#held = true
    return new EmbeddedSession(this.#pglite, () => this.#pass())
  }

  async close(): Promise<void> {
    if (!this.#pglite.closed) await this.#pglite.close()
  }

  #pass(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#held = false
    else next()
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(proceed), 1)
        reject(
          new OpsError(
            'OPS_DATABASE_BUSY',
            `The embedded database's one connection was in use for ${acquireMs / 1000} s`,
          ),
        )
      }, acquireMs)
      const proceed = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#waiting.push(proceed)
    })
  }
}

class EmbeddedSession implements Session {
  readonly #pglite: PGlite
  readonly #pass: () => void
  #transaction: OpenTransaction | undefined

  constructor(pglite: PGlite, pass: () => void) {
    this.#pglite = pglite
    this.#pass = pass
  }

  async query(sql: string, parameters: readonly unknown[]): Promise<QueryResult<unknown>> {
    const target = this.#transaction?.handle ?? this.#pglite
    // The extended protocol takes one statement; migrations may send several in one text.
    const results: (Results | undefined)[] =
      parameters.length === 0
        ? await target.exec(sql)
        : [await target.query(sql, parameters.map(plain))]
    const result = results.at(-1)
    const rows = results.flatMap((each) => each?.rows ?? [])
    return { rows, numAffectedRows: BigInt(result?.affectedRows ?? 0) }
  }

  async begin({ isolationLevel, accessMode }: TransactionSettings): Promise<void> {
    const transaction = await OpenTransaction.begin(this.#pglite)
    this.#transaction = transaction
    const modes = [
      ...(isolationLevel === undefined ? [] : [`isolation level ${isolationLevel}`]),
      ...(accessMode === undefined ? [] : [accessMode]),
    ]
    if (modes.length > 0) await transaction.handle.exec(`set transaction ${modes.join(' ')}`)
  }

  async commit(): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    try {
      await transaction?.end(true)
    } catch (error) {
      // PGlite says 25P02 (in failed transaction) where PostgreSQL answers COMMIT with ROLLBACK.
      if (codeOf(error) !== '25P02') throw error
      throw new OpsError(
        'OPS_TRANSACTION_ABORTED',
        'PostgreSQL rolled the transaction back at COMMIT',
        { cause: error },
      )
    }
  }

  async rollback(): Promise<void> {
    const transaction = this.#transaction
    this.#transaction = undefined
    await transaction?.end(false)
  }

  release(): void {
    // A transaction that its owner forgot would keep everybody out.
    void this.rollback()
      .catch(() => undefined)
      .finally(this.#pass)
  }
}

/** PGlite's callback transaction, held open from outside: it keeps other users of the instance (the job queue) out. */
class OpenTransaction {
  readonly handle: Transaction
  readonly #settle: (commit: boolean) => void
  readonly #ended: Promise<void>

  private constructor(
    handle: Transaction,
    settle: (commit: boolean) => void,
    ended: Promise<void>,
  ) {
    this.handle = handle
    this.#settle = settle
    this.#ended = ended
  }

  static begin(pglite: PGlite): Promise<OpenTransaction> {
    return new Promise((resolve, reject) => {
      const settled = Promise.withResolvers<boolean>()
      const ended = pglite.transaction(async (handle) => {
        resolve(new OpenTransaction(handle, settled.resolve, ended))
        if (!(await settled.promise)) await handle.rollback()
      })
      // A BEGIN that fails; later failures are told to whoever ends the transaction.
      ended.catch(reject)
    })
  }

  async end(commit: boolean): Promise<void> {
    this.#settle(commit)
    await this.#ended
  }
}
