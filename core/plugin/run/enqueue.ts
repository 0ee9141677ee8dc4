import { randomUUID } from 'node:crypto'
import { acceptedJson } from '../../database/bulk-values.ts'
import { messageOf, OpsError } from '../../errors.ts'
import type { AskedBy, JobRequest } from '../../job/request.ts'
import type { PluginDeclaration } from '../generation/instance.ts'
import type { EnqueueOptions } from '../manifest/job.ts'

/** Larger data belong into a table, and their key into the job. */
const mostBytes = 262_144

export interface Asking {
  readonly plugin: Pick<PluginDeclaration, 'name' | 'jobs'>
  readonly job: string
  readonly data: unknown
  readonly options: EnqueueOptions
  /** ms since 1970. */
  readonly now: number
  readonly by?: AskedBy | undefined
}

/**
 * Checks what a plugin asks for, and makes of it what stands in the queue.
 *
 * @throws OPS_JOB_UNKNOWN, OPS_JOB_DATA
 */
export function jobRequest({ plugin, job, data, options, now, by }: Asking): JobRequest {
  const definition = plugin.jobs.get(job)
  if (definition === undefined) {
    const known = [...plugin.jobs.keys()].join(', ') || 'none'
    throw new OpsError('OPS_JOB_UNKNOWN', `Plugin ${plugin.name} has no job "${job}"`, {
      details: { plugin: plugin.name, known },
    })
  }
  const json = asJson(plugin.name, job, data)
  const parsed = definition.data?.safeParse(json)
  if (parsed?.success === false) {
    throw new OpsError(
      'OPS_JOB_DATA',
      `The data of a job "${job}" of plugin ${plugin.name} don't fit its schema: ${firstIssue(parsed.error)}`,
      { cause: parsed.error, details: { plugin: plugin.name } },
    )
  }
  const { at, afterMs } = options
  const startAfter = at ?? (afterMs === undefined ? undefined : new Date(now + afterMs))
  return {
    id: randomUUID(),
    plugin: plugin.name,
    job,
    // the input, not the parsed output: it is parsed again when the job runs
    data: json,
    retry: definition.retry,
    ...(by && { by }),
    ...(startAfter && { startAfter }),
  }
}

/** `retry.limit: Too small: expected number to be >=0` */
export function firstIssue(error: { issues: readonly { path: PropertyKey[]; message: string }[] }) {
  const issue = error.issues[0]
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`
}

/** As it will be read again: a Date is a string then, a function is nothing. */
function asJson(plugin: string, job: string, data: unknown): unknown {
  const refuse = (why: string): never => {
    throw new OpsError('OPS_JOB_DATA', `The data of a job "${job}" of plugin ${plugin}: ${why}`, {
      details: { plugin },
    })
  }
  let text: string
  try {
    text = JSON.stringify(data) ?? 'null'
  } catch (error) {
    return refuse(messageOf(error))
  }
  // PostgreSQL stores no NUL in a text, not even in JSON
  if (text.includes('\\u0000')) refuse('there is a NUL character in them')
  if (Buffer.byteLength(text) > mostBytes) refuse(`they are larger than ${mostBytes} bytes`)
  // nor half a character: a text that was cut off is no reason to refuse what else is sent with it
  return JSON.parse(acceptedJson(text))
}
