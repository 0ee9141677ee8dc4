import { z } from 'zod'
import { Batcher } from '../database/batcher.ts'
import type { Database, Queries } from '../database/connection.ts'
import { inBatches } from '../database/prune.ts'
import type { ChatMove } from '../telegram/chat-move.ts'
import { type Boss, BossDatabase, type BossOptions, openBoss, queueName } from './boss.ts'
import { type ClaimedJob, envelope, groupOf, type JobRequest } from './request.ts'
import * as sql from './statements.ts'

/** What a job that ended badly is kept with. */
export interface JobFailure {
  /** The id under which the error is in the log. */
  readonly errorId: string
  readonly code: string
  readonly message: string
}

/** A job whose attempts are used up, or that can't succeed. */
export interface DeadJob extends ClaimedJob {
  readonly diedAt: Date
  readonly failure: JobFailure
}

export interface JobCount {
  readonly plugin: string
  readonly job: string
  readonly waiting: number
  readonly running: number
  readonly dead: number
}

/** Of a kind of job, what may run of it at once, over all instances. */
export interface JobRoom {
  readonly plugin: string
  readonly job: string
  readonly most: number
}

export interface QueueOptions extends BossOptions {
  /** Id of the process: what it takes is its own as long as it has a row in `instances`. */
  instance: string
}

type Attempt = Pick<ClaimedJob, 'id' | 'retryCount'>

interface Row {
  id: string
  data: unknown
  retry_count: number
  retry_limit: number
  created_on: string
}

const progressShape = z.object({ share: z.number().optional(), text: z.string().optional() })

/** So many jobs go in one statement. */
const mostAtOnce = 200
/** What is done is soon of no interest; what died is for people to look at. */
const keepDoneS = 86_400
const keepDeadS = 90 * 86_400
/** A job of a plugin that isn't live waits for it so long. */
const keepWaitingS = 365 * 86_400
/** pg-boss's own limit is never reached: deadlines are the runner's, and a lost process shows by its silence. */
const neverS = 7 * 86_400

/**
 * Jobs in the database, by pg-boss: put there in anybody's transaction, taken by one process at a time, settled by
 * whoever holds the attempt. Its tables are made when the first plugin has a job.
 */
export class JobQueue {
  readonly #options: QueueOptions
  readonly #database: Database
  #opening: Promise<Boss> | undefined
  readonly #sending: Batcher<JobRequest>
  #sent: (deferred: boolean) => void = () => undefined

  constructor(options: QueueOptions) {
    this.#options = options
    this.#database = options.database
    this.#sending = new Batcher((jobs) => this.put(jobs, this.#database), mostAtOnce)
  }

  /** Makes sure that the tables are there; the first time that takes some tenths of a second. */
  async open(): Promise<void> {
    await this.#boss()
  }

  async close(): Promise<void> {
    const boss = await this.#opening?.catch(() => undefined)
    await boss?.stop({ graceful: false, close: false })
  }

  /** Whether there are any tables, also when no plugin of this process has a job. */
  async exists(queries: Queries = this.#database): Promise<boolean> {
    const [row] = await queries.query<{ jobs: string | null }>(sql.installedText)
    return row?.jobs !== null && row?.jobs !== undefined
  }

  /** Called when there are jobs to be taken. @param listener told whether some wait for a time of theirs */
  onSent(listener: (deferred: boolean) => void): void {
    this.#sent = listener
  }

  /** To be called after the commit of what `put` wrote. */
  sent(jobs: readonly JobRequest[]): void {
    this.#sent(jobs.some(({ startAfter }) => startAfter !== undefined))
  }

  /** Puts a job into the queue in a transaction of its own, which it may share with others of this moment. */
  async send(job: JobRequest): Promise<void> {
    await this.open()
    await this.#sending.add(job)
    this.sent([job])
  }

  /** Puts jobs into the queue in somebody's transaction. `open` comes before it, `sent` after the commit. */
  async put(jobs: readonly JobRequest[], queries: Queries, key?: string): Promise<void> {
    const boss = await this.#boss()
    const rows = jobs.map(({ id, plugin, job, data, by, dueAt, retry, startAfter }) => ({
      id,
      data: { plugin, job, data, ...(by && { by }), ...(dueAt && { dueAt }) },
      group: { id: groupOf({ plugin, job }) },
      retryLimit: retry.limit,
      retryDelay: Math.max(1, Math.round(retry.delayMs / 1_000)),
      retryDelayMax: Math.max(1, Math.round(retry.maxDelayMs / 1_000)),
      retryBackoff: true,
      expireInSeconds: neverS,
      retentionSeconds: keepWaitingS,
      deleteAfterSeconds: keepDoneS,
      ...(startAfter && { startAfter: startAfter.toISOString() }),
      ...(key !== undefined && { singletonKey: key }),
    }))
    await boss.insert(queueName, rows, { db: this.#over(queries) })
  }

  /** A group has another id from now on: who asked for a job there has the rights that went along. */
  async moveChat(queries: Queries, { from, to }: ChatMove): Promise<void> {
    if (await this.exists(queries)) await queries.query(sql.moveChatText, [from, to])
  }

  /** Whether a job that was put with this key still waits. */
  async waits(key: string, queries: Queries): Promise<boolean> {
    return (await queries.query(sql.waitsText, [key])).length > 0
  }

  /** Takes up to so many jobs that may run now; from here on they are this process's. */
  async claim(rooms: readonly JobRoom[], most: number): Promise<ClaimedJob[]> {
    await this.open()
    const { instance } = this.#options
    const values = [rooms.map(groupOf), rooms.map((room) => room.most), most, instance]
    const take = (queries: Queries) => this.#query<Row>(sql.claimText, values, queries)
    const rows =
      this.#database.kind === 'embedded'
        ? await take(this.#database)
        : await this.#database.transaction(async (transaction) => {
            // one after another: two that count at once would both find room for the last one
            await transaction.query(`select pg_advisory_xact_lock(hashtext('opsgram.jobs'))`)
            return take(transaction)
          })
    return rows.map(claimedOf)
  }

  /** In how many ms the next of these becomes due; undefined when none waits for its time. */
  async nextDue(rooms: readonly JobRoom[]): Promise<number | undefined> {
    const [row] = await this.#query<{ seconds: number | null }>(sql.nextDueText, [
      rooms.map(groupOf),
    ])
    const seconds = row?.seconds ?? undefined
    return seconds === undefined ? undefined : Math.max(0, Math.ceil(seconds * 1_000))
  }

  /** @returns how many of them were still this process's */
  async complete(jobs: readonly Attempt[], queries: Queries = this.#database): Promise<number> {
    const boss = await this.#boss()
    const attempts = jobs.map(({ id, retryCount }) => ({ id, retryCount }))
    const db = this.#over(queries)
    return affectedBy(await boss.complete(queueName, attempts, undefined, { db }))
  }

  /** Whether an attempt was completed: for a COMMIT whose answer was lost. */
  async isCompleted({ id, retryCount }: Attempt): Promise<boolean> {
    const [row] = await this.#query<{ completed: boolean }>(sql.completedText, [id, retryCount])
    return row?.completed === true
  }

  /** Ends an attempt: the job is run again when its time comes, or is dead. `gone`: it was another's by now. */
  async fail(
    job: ClaimedJob,
    failure: JobFailure,
    options: { final?: boolean } = {},
  ): Promise<'again' | 'dead' | 'gone'> {
    const boss = await this.#boss()
    const isLast = options.final === true || job.retryCount >= job.retryLimit
    const attempt = { id: job.id, retryCount: job.retryCount }
    const affected = await this.#database.transaction(async (transaction) => {
      if (isLast) await transaction.query(sql.lastAttemptText, [keyOf(job), keepDeadS])
      const db = this.#over(transaction)
      return affectedBy(await boss.fail(queueName, attempt, failure, { db }))
    })
    if (affected === 0) return 'gone'
    if (isLast) return 'dead'
    // somebody has to see when it is due
    this.#sent(true)
    return 'again'
  }

  /** Puts a job back that was not run to its end for no fault of its own. */
  async giveBack(job: Attempt): Promise<void> {
    await this.#query(sql.giveBackText, [keyOf(job)])
    this.#sent(false)
  }

  /** @returns ids of those that are still at this attempt */
  async still(jobs: readonly Attempt[]): Promise<string[]> {
    const values = [jobs.map(({ id }) => id), jobs.map(keyOf)]
    return (await this.#query<{ id: string }>(sql.stillText, values)).map(({ id }) => id)
  }

  async progress(job: Attempt, progress: z.output<typeof progressShape>): Promise<void> {
    await this.#query(sql.progressText, [keyOf(job), JSON.stringify(progress)])
  }

  /** Attempts that no process works on any more. */
  async lost(): Promise<ClaimedJob[]> {
    return (await this.#query<Row>(sql.lostText)).map(claimedOf)
  }

  /** Attempts of this process that it knows nothing of: the answer to their claim was lost. @param known ids */
  async unheard(known: readonly string[]): Promise<ClaimedJob[]> {
    const values = [this.#options.instance, known]
    return (await this.#query<Row>(sql.unheardText, values)).map(claimedOf)
  }

  /** Deletes what was done or died long ago. @returns how much */
  async prune(signal?: AbortSignal): Promise<number> {
    const one = async (most: number) => {
      const [gone] = await this.#query<{ jobs: number }>(sql.pruneText, [keepDoneS, most])
      return gone?.jobs ?? 0
    }
    return inBatches(one, signal)
  }

  async counts(): Promise<JobCount[]> {
    const rows = await this.#query<{ plugin: string; job: string; state: string; jobs: number }>(
      sql.countsText,
    )
    const counts = new Map<string, JobCount>()
    for (const { plugin, job, state, jobs } of rows) {
      const key = groupOf({ plugin, job })
      const before = counts.get(key) ?? { plugin, job, waiting: 0, running: 0, dead: 0 }
      const kind = state === 'active' ? 'running' : state === 'failed' ? 'dead' : 'waiting'
      counts.set(key, { ...before, [kind]: before[kind] + jobs })
    }
    return [...counts.values()]
  }

  async running(limit: number) {
    const rows = await this.#query<Row & { started_on: string; output: unknown }>(sql.runningText, [
      limit,
    ])
    return rows.map((row) => {
      const { id, plugin, job, retryCount } = claimedOf(row)
      const progress = progressShape.catch({}).parse(row.output)
      return {
        id,
        plugin,
        job,
        attempt: retryCount + 1,
        startedAt: new Date(row.started_on),
        ...(progress.share !== undefined && { share: progress.share }),
        ...(progress.text !== undefined && { text: progress.text }),
      }
    })
  }

  /** The newest first. */
  async dead(limit: number): Promise<{ jobs: DeadJob[]; total: number }> {
    const rows = await this.#query<DeadRow & { total: number }>(sql.deadText, [limit])
    return { jobs: rows.map(deadOf), total: rows[0]?.total ?? 0 }
  }

  async findDead(errorId: string): Promise<DeadJob | undefined> {
    const [row] = await this.#query<DeadRow>(sql.deadOneText, [errorId])
    return row === undefined ? undefined : deadOf(row)
  }

  /** One more attempt for a dead job. @returns false when it is none any more */
  async again(id: string): Promise<boolean> {
    const boss = await this.#boss()
    const affected = affectedBy(await boss.retry(queueName, id))
    this.#sent(false)
    return affected > 0
  }

  async drop(id: string): Promise<boolean> {
    const boss = await this.#boss()
    return affectedBy(await boss.deleteJob(queueName, id)) > 0
  }

  #boss(): Promise<Boss> {
    this.#opening ??= openBoss(this.#options).catch((error: unknown) => {
      // the next one who needs it tries again
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  #over(queries: Queries): BossDatabase {
    return new BossDatabase(queries, this.#options.now)
  }

  #query<R>(
    text: string,
    values: readonly unknown[] = [],
    queries: Queries = this.#database,
  ): Promise<R[]> {
    return queries.query<R>(this.#over(queries).timed(text), values)
  }
}

/** How many jobs a command of pg-boss has changed: its types don't tell (12.38). */
function affectedBy(response: object): number {
  return z.object({ affected: z.number() }).parse(response).affected
}

function keyOf({ id, retryCount }: Attempt): string {
  return `${id}:${retryCount}`
}

function claimedOf(row: Row): ClaimedJob {
  return {
    ...envelope.parse(row.data),
    id: row.id,
    retryCount: row.retry_count,
    retryLimit: row.retry_limit,
    createdAt: new Date(row.created_on),
  }
}

interface DeadRow extends Row {
  completed_on: string
  output: Partial<JobFailure> | null
}

function deadOf(row: DeadRow): DeadJob {
  const { errorId = '', code = 'Error', message = '' } = row.output ?? {}
  return {
    ...claimedOf(row),
    diedAt: new Date(row.completed_on),
    failure: { errorId, code, message },
  }
}
