import { quarantineFailing } from '../plugin/breaker.ts'
import { Menus } from '../plugin/menu/menus.ts'
import { Sessions } from '../session/sessions.ts'
import { States } from '../session/states.ts'
import { Api } from '../update/api/api.ts'
import { ButtonReader } from '../update/button-reader.ts'
import { ClockSkew } from '../update/clock-skew.ts'
import { Confirmations } from '../update/confirmation/confirmations.ts'
import { Lapses } from '../update/confirmation/lapses.ts'
import { Dialogs } from '../update/dialog/dialogs.ts'
import { Dispatcher } from '../update/dispatcher.ts'
import { Gate } from '../update/gate.ts'
import { UpdateHandling } from '../update/handling.ts'
import { Inbox } from '../update/inbox/inbox.ts'
import { passesPause } from '../update/maintenance.ts'
import { Throttle } from '../update/throttle/throttle.ts'
import { Turnstile } from '../update/throttle/turnstile.ts'
import type { Connections } from './connections.ts'
import { measureUpdate } from './doors/metrics.ts'
import { databaseLook } from './health/database.ts'
import { jobsCheck } from './health/jobs.ts'
import { createJobs } from './jobs.ts'
import { followChats } from './plugins/chats.ts'
import type { LoadedPlugins } from './plugins/loaded-plugins.ts'
import { keepMenus } from './plugins/menus.ts'
import type { Start } from './start.ts'

/** The way of an update from the inbox to its handler, and what runs beside it: jobs, requests. */
export type Work = Awaited<ReturnType<typeof openWork>>

/** Puts together whatever runs handlers of plugins. Nothing begins yet. */
export async function openWork(
  { config, parts, opened, log, clock, stacks }: Start,
  connections: Connections,
  plugins: LoadedPlugins,
) {
  const { version } = parts
  const { health, database, instances, shared, queue, calls, metrics, gateway, targets, outbox } =
    connections
  const { texts, defaults, timings } = connections
  const { reloader, cards, sender, maintenance, chatSettings, holds, botInfo } = plugins
  const buttons = new ButtonReader(plugins.buttons)
  const settledChat = followChats({
    database,
    gateway,
    targets,
    queue,
    settings: chatSettings,
    log,
  })
  const sessions = new Sessions({ database, log })
  opened.add(() => sessions.stop())
  const states = new States({ database, log })
  opened.add(() => states.stop())
  const { live } = reloader
  const judge = quarantineFailing(reloader)
  const gate = new Gate(config.access.adminIds)
  const { person, chat, global } = config.limits
  const throttle = new Throttle({ store: shared, texts, person, chat })
  const ownerIds = config.access.adminIds
  const turnstile = new Turnstile({ store: shared, clock, rate: global, ownerIds })
  const dispatcher = new Dispatcher({
    botInfo,
    gate,
    texts,
    buttons,
    cards,
    confirmations: new Confirmations({ database, texts, gate }),
    dialogs: new Dialogs({ sessions, texts }),
    throttle,
    timings,
    states: () => reloader.list(),
  })
  const isIn = async (telegramId: number) =>
    (await live.current.authenticator?.find?.(telegramId)) !== undefined
  const lapses = new Lapses({ database, outbox, sender, texts, isIn, clock, log })
  opened.add(() => lapses.stop())
  const menus = new Menus({ gateway, live, log })
  const menusSettled = keepMenus({ menus, reloader, instances, log })
  const handling = new UpdateHandling({
    live,
    dispatcher,
    gateway,
    sender,
    states,
    outbox,
    database,
    queue,
    calls,
    botInfo,
    texts,
    defaults,
    chats: chatSettings,
    stacks,
    log,
    clock,
    limitMs: parts.handlerLimitMs ?? 60_000,
    settled: (run) => {
      menusSettled(run)
      settledChat(run)
      measureUpdate(metrics, timings, run)
      judge(run)
      if (run.facts.chatType === 'private' && run.isUser) cards.met(run.user.telegramId)
    },
  })
  opened.add(() => handling.stop())
  opened.add(() => menus.stop())

  const clockSkew = new ClockSkew(() => clock.now(), log)
  health.register('clock', () => clockSkew.check())
  const inbox: Inbox = new Inbox({
    database,
    botId: botInfo.id,
    partitions: instances?.partitions,
    handle: (item) => handling.handle(item, inbox),
    poison: (item) => handling.poison(item, inbox),
    heardOfChat: (chatId, setting) => chatSettings.hear(chatId, setting),
    arrived: (item) => {
      handling.arrived(item)
      clockSkew.arrived(item)
    },
    turns: turnstile,
    passesHold: (item) => passesPause(item, config.access.adminIds, botInfo.username),
    log,
  })
  health.register('jobs', () => jobsCheck(live.current, holds))
  const jobs = createJobs({
    queue,
    holds,
    calls,
    outbox,
    reloader,
    instances,
    gate,
    gateway,
    sender,
    database,
    botInfo,
    defaults,
    timeZone: defaults.timeZone,
    stacks,
    log,
    clock,
    timings,
    measured: connections.background,
  })
  opened.add(() => jobs.stop())
  const api = new Api({
    live,
    store: shared,
    queue,
    calls,
    gateway,
    sender,
    outbox,
    database,
    botInfo,
    defaults,
    version,
    log,
    clock,
    timings,
  })
  // before the first update
  await maintenance.start((pause) => {
    if (pause === undefined) inbox.release()
    else inbox.hold()
    jobs.hold(pause !== undefined)
    api.hold(pause !== undefined)
  })
  const look = databaseLook({ database, presence: instances?.presence, inbox })
  return { inbox, jobs, api, handling, throttle, turnstile, look }
}
