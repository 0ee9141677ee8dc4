import { setTimeout as sleep } from 'node:timers/promises'
import type { BotProcess } from '../../test/support/bot-process.ts'
import { chatCount } from '../../test/support/ledger.ts'
import type { TcpProxy } from '../../test/support/tcp-proxy.ts'
import { until } from '../../test/support/wait.ts'
import type { Delivery, Fleet } from './fleet.ts'

/** When something was over, and the updates whose way it crossed. */
export interface Recovery {
  readonly from: number
  readonly to: number
  /** From here on its time counts, ms since 1970. */
  readonly since: number
}

/** What was done to a fleet while updates came. */
export interface Calamity {
  readonly what: string
  readonly by: Delivery
  readonly times: number
  /** Whether it is an end in order, after which no handler may have begun twice. */
  readonly isOrderly: boolean
  /** The first update on whose way it was, and the first that came after it. */
  readonly from: number
  readonly to: number
  readonly recoveries: readonly Recovery[]
}

/** Kills without a pause between them in which all is done: fewer than the tries of an update that is run alone. */
const burst = 3
const doneMs = 60_000
/** A handler that is still at work when others could take over, ms. */
const longMs = 3_000

function between(least: number, most: number): number {
  return least + Math.random() * (most - least)
}

async function watched(
  fleet: Fleet,
  calamity: Omit<Calamity, 'from' | 'to' | 'recoveries'>,
  work: () => Promise<readonly Recovery[] | undefined>,
): Promise<Calamity> {
  const from = fleet.ledger.sent
  const recoveries = (await work()) ?? []
  return { ...calamity, from, to: fleet.ledger.sent, recoveries }
}

/** Waits for the end of all that came. One that doesn't come is counted later, as lost. */
async function settled(fleet: Fleet, from: number): Promise<void> {
  fleet.quiet()
  // a connection of ours may have been ended with all others
  const answers = () =>
    fleet.ledger.committed(from).then(
      () => true,
      () => false,
    )
  await until('the database answers', answers, doneMs)
  await fleet.ledger.done({ from, deadlineMs: doneMs }).catch((error: unknown) => {
    console.error(`  ${String(error)}`)
  })
}

/** `kill -9`, up to three in quick succession; what was killed is started anew at once, save the last. */
export function kills(fleet: Fleet, by: Delivery, times: number): Promise<Calamity> {
  return watched(fleet, { what: 'kill -9', by, times, isOrderly: false }, async () => {
    const recoveries: Recovery[] = []
    for (let killed = 0; killed < times; ) {
      const count = Math.min(times - killed, 1 + (recoveries.length % burst))
      recoveries.push(await killing(fleet, killed, count, by))
      killed += count
    }
    return recoveries
  })
}

async function killing(
  fleet: Fleet,
  before: number,
  count: number,
  by: Delivery,
): Promise<Recovery> {
  const { bots, ledger } = fleet
  const isAlone = bots.length === 1
  const from = ledger.sent
  fleet.busy()
  await fleet.worked(from)
  let victim = bots[0] as BotProcess
  for (let i = 0; i < count; i++) {
    victim = bots[(before + i) % bots.length] as BotProcess
    const isLast = i === count - 1
    // the last leaves somebody to take over; those before it may hit all of them, or one that is just starting
    if (isLast) await fleet.launched(bots.filter((bot) => bot !== victim))
    await sleep(between(0, i === 0 ? 300 : 2_500))
    await fleet.kill(victim)
    if (!isLast) fleet.launch(victim)
  }
  const killedAt = Date.now()
  await sleep(300)
  if (!isAlone) fleet.quiet()
  if (isAlone) await fleet.start(victim)
  const startedAt = Date.now()
  await settled(fleet, from)
  if (!isAlone) await fleet.start(victim)
  // Telegram tries again after 2, 4, 8 s: an instance that nobody stands by for can't hurry that
  const since = isAlone
    ? Math.max(startedAt, by === 'webhook' ? fleet.lastDeliveredAt : 0)
    : killedAt
  return { from, to: ledger.sent, since }
}

/** SIGSTOP past the lease, in the middle of handlers; then SIGCONT: it finds that others took over. */
export function sleepers(fleet: Fleet, by: Delivery, times: number): Promise<Calamity> {
  return watched(fleet, { what: 'SIGSTOP for 5 s', by, times, isOrderly: false }, async () => {
    for (let i = 0; i < times; i++) {
      const from = fleet.ledger.sent
      fleet.busy(1_500)
      await fleet.worked(from)
      const sleeper = fleet.bots[i % fleet.bots.length] as BotProcess
      await sleep(between(200, 800))
      sleeper.signal('SIGSTOP')
      await sleep(5_000)
      sleeper.signal('SIGCONT')
      await sleep(500)
      await settled(fleet, from)
    }
    return undefined
  })
}

/** SIGTERM, exit, start, one after the other, with handlers of up to 3 s. */
export function rollingRestarts(fleet: Fleet, by: Delivery, rounds: number): Promise<Calamity> {
  const times = rounds * fleet.bots.length
  return watched(fleet, { what: 'rolling restart', by, times, isOrderly: true }, async () => {
    for (let round = 0; round < rounds; round++) await rollOver(fleet)
    return undefined
  })
}

/** A rolling restart from polling to the webhook, or back. */
export function switchTo(fleet: Fleet, to: Delivery): Promise<Calamity> {
  const times = fleet.bots.length
  return watched(fleet, { what: `switch to ${to}`, by: to, times, isOrderly: true }, async () => {
    fleet.deliverBy(to)
    await rollOver(fleet)
    return undefined
  })
}

async function rollOver(fleet: Fleet): Promise<void> {
  const from = fleet.ledger.sent
  fleet.busy()
  await fleet.worked(from)
  for (const bot of fleet.bots) {
    // one in each chat, so that some of them run where the end comes
    fleet.ledger.send(chatCount, longMs)
    await sleep(300)
    await fleet.stop(bot)
    await fleet.start(bot)
  }
  await settled(fleet, from)
}

/** Ends, or silences, the network between one instance and PostgreSQL, for up to 5 s. */
export function cutDatabase(fleet: Fleet, by: Delivery, times: number): Promise<Calamity> {
  return cutting(fleet, 'PostgreSQL cut off', by, times, false, fleet.toDatabase)
}

/** The same with Redis, for all of them. */
export function cutRedis(fleet: Fleet, by: Delivery, times: number): Promise<Calamity> {
  const proxies = fleet.toRedis === undefined ? [] : [fleet.toRedis]
  return cutting(fleet, 'Redis cut off', by, times, true, proxies)
}

function cutting(
  fleet: Fleet,
  what: string,
  by: Delivery,
  times: number,
  isOrderly: boolean,
  proxies: readonly TcpProxy[],
): Promise<Calamity> {
  return watched(fleet, { what, by, times, isOrderly }, async () => {
    for (let i = 0; i < times; i++) {
      const from = fleet.ledger.sent
      fleet.busy()
      await fleet.worked(from)
      const proxy = proxies[i % proxies.length]
      // what it swallowed is gone: a network that was silent for so long ends its connections
      if (i % 2 === 0) proxy?.hold()
      else proxy?.cut()
      await sleep(between(300, 5_000))
      proxy?.cut()
      proxy?.mend()
      await sleep(300)
      await settled(fleet, from)
    }
    return undefined
  })
}

/** PostgreSQL itself, by turns in order and as after a crash. */
export function restartDatabase(fleet: Fleet, by: Delivery, times: number): Promise<Calamity> {
  const what = 'PostgreSQL restarted'
  return watched(fleet, { what, by, times, isOrderly: false }, async () => {
    for (let i = 0; i < times; i++) {
      const from = fleet.ledger.sent
      fleet.busy()
      await fleet.worked(from)
      await sleep(between(0, 500))
      await fleet.cluster?.restart(i % 2 === 0 ? 'immediate' : 'fast')
      await sleep(1_000)
      await settled(fleet, from)
    }
    return undefined
  })
}
