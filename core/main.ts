import { resolve } from 'node:path'
import { watch } from 'chokidar'
import { type Config, changedVariables, type Environment } from '../config/config.ts'
import packageJson from '../package.json' with { type: 'json' }
import { type App, type AppParts, createApp } from './app.ts'
import { loadConfig, readEnvironment, type Sources } from './configuration.ts'
import { messageOf, OpsError } from './errors.ts'
import { createLogger, type RootLogger } from './log/logger.ts'

/** Ctrl-C through npm arrives twice within milliseconds; a signal after this long means "at once". */
const sameSignalMs = 1_000

const sources: Sources = { file: resolve('.env'), real: process.env }

try {
  const env = readEnvironment(sources)
  const { config, warnings } = loadConfig(env)
  const log = createLogger({ ...config.log, secrets: config.secrets, output: process.stdout })
  for (const warning of warnings) log.warn('config.warning', { warning })
  process.exitCode = await run(config, env, log)
} catch (error) {
  process.exitCode = reportFailure(error)
}
// timers and sockets of a failed start must not keep the process
process.exit()

/** @returns the exit code */
async function run(config: Config, env: Environment, log: RootLogger): Promise<number> {
  const starting = new AbortController()
  const signalled = Promise.withResolvers<void>()
  listenForSignals(() => {
    starting.abort()
    signalled.resolve()
  })
  let app: App | undefined
  try {
    const parts: AppParts = { log, version: packageJson.version, signal: starting.signal }
    app =
      config.mode === 'playground'
        ? await startPlayground(config, parts)
        : await createApp(config, parts)
  } catch (error) {
    await log.close()
    if (starting.signal.aborted) return 0
    return reportFailure(error)
  }
  const uncaught = catchUncaught(app, log)
  const watcher = config.plugins.watch ? watchEnvironment(app, env, log) : undefined
  const failure = await Promise.race([signalled.promise, app.failed, uncaught])
  await watcher?.close()
  await app.stop()
  await log.close()
  return failure === undefined ? 0 : reportFailure(failure)
}

async function startPlayground(config: Config, parts: AppParts): Promise<App> {
  // only here: the test kit must not be loaded, nor be installed, where a real bot runs
  const { openPlayground } = await import('./testing/playground/open.ts')
  return openPlayground(config, parts, createApp)
}

function listenForSignals(stop: () => void): void {
  let first: number | undefined
  const onSignal = () => {
    const now = performance.now()
    if (first !== undefined && now - first > sameSignalMs) process.exit(1)
    first ??= now
    stop()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

/** What nobody caught: a plugin's is that plugin's trouble, one of the core itself ends the process. */
function catchUncaught(app: App, log: RootLogger): Promise<unknown> {
  return new Promise((resolve) => {
    const onUncaught = (error: unknown) => {
      const plugin = app.pluginOf(error)
      log.error(plugin === undefined ? 'app.uncaught' : 'plugin.uncaught', { plugin, error })
      if (plugin === undefined) resolve(error)
    }
    process.on('uncaughtException', onUncaught)
    process.on('unhandledRejection', onUncaught)
  })
}

/** A change in `.env` loads the plugins anew whose settings changed. */
function watchEnvironment(
  app: App,
  started: Environment,
  log: RootLogger,
): { close(): Promise<void> } {
  let before = started
  const reload = async () => {
    try {
      const after = readEnvironment(sources)
      const { config } = loadConfig(after)
      const changed = changedVariables(before, after)
      before = after
      log.addSecrets(config.secrets)
      if (changed.core.length > 0) {
        log.warn('config.restart-needed', { variables: changed.core })
      }
      if (changed.plugins.length > 0) await app.reconfigure(config, changed.plugins)
    } catch (error) {
      log.error('config.not-read', { error })
    }
  }
  let chain = Promise.resolve()
  return watch(sources.file, {
    ignoreInitial: true,
    awaitWriteFinish: { stabilityThreshold: 50, pollInterval: 10 },
  }).on('all', () => {
    chain = chain.then(reload)
  })
}

/** One readable error: its code, what happened, what to do. @returns the exit code */
function reportFailure(error: unknown): number {
  if (error instanceof OpsError) {
    const hint = error.hint.replaceAll('\n', '\n    ')
    process.stderr.write(`${error.code}: ${error.message}\n  → ${hint}\n`)
  } else {
    process.stderr.write(
      `OPS_INTERNAL: ${messageOf(error)}\n${error instanceof Error ? error.stack : ''}\n`,
    )
  }
  return 1
}
