import { queueName, schema } from './boss.ts'

const ours = `name = '${queueName}'`
const now = `${schema}.job_now()`
const columns = `id, data, retry_count, retry_limit, created_on`
/** Of an attempt, as `id:retry_count`. */
const attempt = `(id::text || ':' || retry_count::text)`

/**
 * Takes jobs that may run now. What pg-boss's own fetch can't say: only those of these groups, so that jobs
 * of plugins that aren't live stay where they are, and each group with a limit of its own.
 * $1 groups, $2 how many of each may run at once over all instances, $3 how many to take, $4 who takes them.
 */
export const claimText = `
  with running as (
    select group_id, count(*)::int as jobs from ${schema}.job
     where ${ours} and state = 'active' and group_id is not null group by group_id),
  open as (
    select o.name, o.most - coalesce(r.jobs, 0) as room
      from unnest($1::text[], $2::int[]) as o (name, most) left join running r on r.group_id = o.name
     where o.most > coalesce(r.jobs, 0)),
  next as materialized (
    select j.id, j.group_id, j.created_on from ${schema}.job j
     where ${ours} and j.state < 'active' and not j.blocked and j.start_after <= ${now}
       and j.group_id in (select o.name from open o)
     order by j.priority desc, j.created_on limit $3 for update of j skip locked),
  ranked as (
    select id, group_id, row_number() over (partition by group_id order by created_on) as place from next)
  update ${schema}.job set
    state = 'active', started_on = ${now}, output = jsonb_build_object('instance', $4::text),
    retry_count = case when started_on is null then retry_count else retry_count + 1 end
   where ${ours} and id = any(array(
     select r.id from ranked r join open o on o.name = r.group_id where r.place <= o.room))
  returning ${columns}`

/** In how many seconds the next job of these groups ($1) becomes due; null when none waits. */
export const nextDueText = `
  select extract(epoch from min(start_after) - ${now})::float8 as seconds from ${schema}.job
   where ${ours} and state < 'active' and not blocked and group_id = any($1::text[]) and start_after > ${now}`

/** Which of these jobs ($1) are still at the attempt ($2) that somebody believes to run. */
export const stillText = `
  select id from ${schema}.job
   where ${ours} and id = any($1::uuid[]) and state = 'active' and ${attempt} = any($2::text[])`

/**
 * Attempts that no process works on any more: who took them has no row among the instances. Embedded there are no
 * such rows, and at a start nobody else.
 */
export const lostText = `
  select ${columns} from ${schema}.job
   where ${ours} and state = 'active'
     and not exists (select 1 from instances i where i.id = output->>'instance') limit 100`

/** Whether attempt $2 of a job ($1) was completed. Locks the row: a session that is still at its COMMIT is waited for. */
export const completedText = `
  select state = 'completed' as completed from ${schema}.job
   where ${ours} and id = $1 and retry_count = $2 for update`

/** Attempts of a process ($1) other than those that it knows of ($2, ids). */
export const unheardText = `
  select ${columns} from ${schema}.job
   where ${ours} and state = 'active' and output->>'instance' = $1 and id <> all($2::uuid[]) limit 100`

/** Makes an attempt ($1) the last one, and keeps the job for $2 seconds. */
export const lastAttemptText = `
  update ${schema}.job set retry_limit = retry_count, deletion_seconds = $2
   where ${ours} and state = 'active' and ${attempt} = $1`

/** Back into the queue: what ended this attempt ($1) was not the job's fault, so it isn't counted. */
export const giveBackText = `
  update ${schema}.job set state = 'retry', retry_limit = retry_limit + 1, start_after = ${now}, output = null
   where ${ours} and state = 'active' and ${attempt} = $1`

/** How far an attempt ($1) has come. */
export const progressText = `
  update ${schema}.job set output = output || $2::jsonb where ${ours} and state = 'active' and ${attempt} = $1`

/** Whether one of this key ($1) waits already. */
export const waitsText = `
  select 1 from ${schema}.job where ${ours} and singleton_key = $1 and state < 'active' limit 1`

export const countsText = `
  select data->>'plugin' as plugin, data->>'job' as job, state::text as state, count(*)::int as jobs
    from ${schema}.job where ${ours} and state in ('created', 'retry', 'active', 'failed') group by 1, 2, 3 order by 1, 2`

export const runningText = `
  select ${columns}, started_on, output from ${schema}.job
   where ${ours} and state = 'active' order by started_on limit $1`

const dead = `${ours} and state = 'failed'`

export const deadText = `
  select ${columns}, completed_on, output, count(*) over ()::int as total
    from ${schema}.job where ${dead} order by completed_on desc limit $1`

export const deadOneText = `
  select ${columns}, completed_on, output from ${schema}.job where ${dead} and output->>'errorId' = $1 limit 1`

/** Deletes some of what is long finished. $1 seconds that anything is kept for at least, which an index knows; $2 how many. */
export const pruneText = `
  with gone as (
    delete from ${schema}.job where ${ours} and id = any(array(
      select id from ${schema}.job
       where ${ours} and completed_on < ${now} - $1 * interval '1 second'
         and completed_on < ${now} - deletion_seconds * interval '1 second' limit $2::int))
    returning 1)
  select count(*)::int as jobs from gone`

/** Who asked for what waits asked in a chat ($1) that has another id now ($2). */
export const moveChatText = `
  update ${schema}.job set data = jsonb_set(data, '{by,chatId}', to_jsonb($2::bigint))
   where ${ours} and state < 'active' and not blocked and data->'by'->'chatId' = to_jsonb($1::bigint)`

/** Where the queue's tables are, null when there are none. */
export const installedText = `select to_regclass('${schema}.job')::text as jobs`
