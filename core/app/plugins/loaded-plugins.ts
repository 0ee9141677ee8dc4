import { join } from 'node:path'
import { Cards } from '../../card/cards.ts'
import { createPost } from '../../card/post.ts'
import { coreEntities } from '../../database/entities/index.ts'
import * as opsgram from '../../index.ts'
import { JobHolds } from '../../job/holds.ts'
import { Records } from '../../outbox/records.ts'
import { ButtonStore } from '../../plugin/button/store.ts'
import { brokenCards } from '../../plugin/cards/broken.ts'
import { quarantineCards } from '../../plugin/cards/quarantine.ts'
import { createCatalog } from '../../plugin/catalog/catalog.ts'
import { followChoices } from '../../plugin/catalog/choice-news.ts'
import { PluginChoices } from '../../plugin/catalog/choices.ts'
import { PluginHistory } from '../../plugin/catalog/history.ts'
import { chatsService } from '../../plugin/chats/service.ts'
import { ChatSettingsCache } from '../../plugin/chats/settings.ts'
import { guardExit } from '../../plugin/code/exit.ts'
import { missingRoots } from '../../plugin/code/folder.ts'
import { KeptBuilds } from '../../plugin/code/kept-builds.ts'
import { LoadMarks } from '../../plugin/code/load-marks.ts'
import { linkedPackages } from '../../plugin/code/package.ts'
import { installStacks } from '../../plugin/code/stack.ts'
import { watchFolders } from '../../plugin/code/watcher.ts'
import { coreServicesOf } from '../../plugin/offered/core-services.ts'
import { DeadLetters } from '../../plugin/offered/dead-letters.ts'
import { JobDesk } from '../../plugin/offered/jobs.ts'
import { AccessBaseline } from '../../plugin/opening/baseline.ts'
import { Openings } from '../../plugin/opening/openings.ts'
import { personalData } from '../../plugin/personal/personal-data.ts'
import { auditReloads } from '../../plugin/reload/audit.ts'
import { Reloader } from '../../plugin/reload/reloader.ts'
import { ContentSender } from '../../plugin/run/sender.ts'
import { whoAmI } from '../../telegram/identity.ts'
import { Maintenance } from '../../update/maintenance.ts'
import type { Connections } from '../connections.ts'
import { overviewOf } from '../health/overview.ts'
import { followOthers, publishPlugins, skewNow, tellOthers } from '../instances.ts'
import { unwatched } from '../stall/watch.ts'
import type { Start } from '../start.ts'
import { keepStates } from './states.ts'

/** The plugins, and what the core itself says and asks about them. */
export type LoadedPlugins = Awaited<ReturnType<typeof loadPlugins>>

interface Late {
  /** An update that was put aside is to be handled again. */
  readonly reopened: (part: number) => void
}

/** Loads all plugins, watches their folders, and has cards and notices follow what happens to them. */
export async function loadPlugins(
  { config, parts, opened, log, clock, stacks }: Start,
  connections: Connections,
  { reopened }: Late,
) {
  const { version, signal, stalls = unwatched } = parts
  const {
    health,
    database,
    others,
    instances,
    shared,
    writer,
    logs,
    queue,
    apiLog,
    calls,
    gateway,
    outbox,
  } = connections
  const { botId, texts, codec, defaults, redact, timings, background, waiting } = connections
  opened.add(installStacks(stacks))
  opened.add(guardExit())
  const choices = new PluginChoices(database)
  const cards = new Cards({
    database,
    post: createPost({ gateway, codec }),
    store: shared,
    texts,
    ownerIds: config.access.adminIds,
    defaults,
    notices: config.people.notices,
    paceMs: parts.cardPaceMs,
    log,
  })
  opened.add(() => cards.stop())
  const asks = config.mode === 'bot' && parts.acceptsOpenings !== true
  const baseline = await AccessBaseline.open({ database, log, asks })
  const store = new ButtonStore({ database, log })
  opened.add(() => store.stop())
  const sender = new ContentSender({ codec, store })
  const records = new Records({ database, redact, wake: () => outbox.wake() })
  const dead = new DeadLetters({
    database,
    botId,
    redact,
    reopened,
  })
  const maintenance = new Maintenance({ database, botId, store: shared, log })
  opened.add(() => maintenance.stop())
  const chatSettings = new ChatSettingsCache({ database, store: shared, log })
  await chatSettings.start()
  opened.add(() => chatSettings.stop())
  const holds = new JobHolds({ clock, log })
  const jobDesk = new JobDesk({
    queue,
    holds,
    live: () => reloader.live,
    redact,
  })
  const reloader = await Reloader.create({
    access: baseline,
    disabled: new Set([...config.plugins.disabled, ...(await choices.disabled())]),
    kept: new KeptBuilds({ dir: join(config.dataDir, 'builds'), coreVersion: version, log }),
    ...(parts.accepts === undefined ? {} : { accepts: parts.accepts }),
    database,
    coreEntities,
    calls,
    cacheAsked: (plugin, isHit) => background.cacheAsked(plugin, isHit),
    store: shared,
    queue,
    coreServices: coreServicesOf({
      config,
      cards,
      personal: personalData(() => reloader.live.current),
      chats: chatsService({
        settings: chatSettings,
        isProtected: (plugin) => reloader.isProtected(plugin),
      }),
      writer,
      gateway,
      dead,
      outbox: { database, outbox, records, sender },
      maintenance,
      jobs: jobDesk,
      logs,
      apiLog,
      timings,
      overview: overviewOf({
        health,
        database,
        version,
        waiting,
        standStill: (work) => stalls.aside(work),
      }),
      catalog: () => catalog,
    }),
    migrations: config.database.migrations,
    others,
    prepare: {
      roots: config.plugins.dirs,
      packages: config.plugins.packages,
      stacks,
      // its own exports by reference: some test runners load the core by require, and then import() would
      // bring a second instance of every class
      importShared: async (specifier) =>
        specifier === 'opsgram' ? opsgram : await import(specifier),
      settingsOf: parts.settingsOf ?? ((plugin) => config.pluginEnv(plugin)),
      defaultLanguage: config.people.locale,
      coreVersion: version,
      evaluateTimeoutMs: 10_000,
      marks: new LoadMarks({ dir: join(config.dataDir, 'builds'), log }),
      log,
    },
    log,
    clock,
  })
  const cardsAbout = { cards, reloader, catalog: () => catalog }
  const elsewhere = async () => (await instances?.presence.others())?.map(({ id }) => id) ?? []
  const cardsStarted = [
    quarantineCards({ ...cardsAbout, instance: health.instance, elsewhere }),
    brokenCards(cardsAbout),
  ]
  const openings = new Openings({ reloader, baseline, database, cards, store: shared, log })
  const skew = () => skewNow(reloader, instances, version)
  const catalog = createCatalog({
    reloader,
    choices,
    ownerIds: config.access.adminIds,
    openings,
    history: new PluginHistory(database),
    store: shared,
    texts,
    others: tellOthers(instances, log),
    elsewhere: skew,
  })
  followOthers(reloader, instances, log)
  publishPlugins(reloader, instances?.presence, log)
  const states = keepStates({ dir: config.dataDir, reloader, log })
  const audit = auditReloads(reloader, { database, log })
  // closed after the reloader, whose last reload may still be running
  opened.add(() => Promise.all([audit.written(), openings.written(), states.close()]))
  opened.add(() => reloader.stop())
  for (const dir of await missingRoots(config.plugins.dirs)) {
    const hint = 'PLUGINS_DIR names it, but there is no such folder.'
    log.warn('plugin.dir-missing', { dir, hint })
  }
  if (config.plugins.watch) {
    const watcher = watchFolders({
      roots: config.plugins.dirs,
      folders: await linkedPackages(config.plugins.packages),
      ...(parts.accepts === undefined ? {} : { accepts: parts.accepts }),
      onChange: ({ files }) => reloader.filesChanged(files),
      onError: (error) => log.error('plugin.watch-failed', { error }),
    })
    opened.add(() => watcher.close())
    // what is saved while the plugins are loaded is seen, and loaded after them
    await watcher.ready
  }
  // before the plugins: what a start finds changes the cards of the process before
  await cards.start()
  const [botInfo] = await Promise.all([whoAmI(gateway, log, signal), reloader.start()])

  const disabledHere = new Set(config.plugins.disabled)
  opened.add(followChoices({ choices, reloader, store: shared, disabledHere, log }))

  opened.add(openings.watch())
  for (const started of cardsStarted) started()
  return {
    reloader,
    catalog,
    cards,
    buttons: { codec, store },
    sender,
    holds,
    maintenance,
    chatSettings,
    botInfo,
    skew,
  }
}
