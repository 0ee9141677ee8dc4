import { resolve } from 'node:path'
import { watch } from 'chokidar'
import type { Config } from '../config/config.ts'
import packageJson from '../package.json' with { type: 'json' }
import type { App, AppParts } from './app.ts'
import { LiveEnvironment, loadConfig } from './configuration.ts'
import { messageOf, OpsError } from './errors.ts'
import { createLogger, type RootLogger } from './log/logger.ts'

/** Ctrl-C through npm arrives twice within milliseconds; a signal after this long means "at once". */
const sameSignalMs = 1_000

const envFile = resolve('.env')

try {
  const environment = new LiveEnvironment({ file: envFile, real: process.env })
  const { config, warnings } = loadConfig(environment.values)
  const log = createLogger({ ...config.log, secrets: config.secrets, output: process.stdout })
  for (const warning of warnings) log.warn('config.warning', { warning })
  process.exitCode = await run(config, environment, log)
} catch (error) {
  process.exitCode = reportFailure(error)
}
// timers and sockets of a failed start must not keep the process
process.exit()

/** @returns the exit code */
async function run(config: Config, environment: LiveEnvironment, log: RootLogger): Promise<number> {
  const starting = new AbortController()
  const signalled = Promise.withResolvers<void>()
  listenForSignals(() => {
    starting.abort()
    signalled.resolve()
  })
  let app: App | undefined
  try {
    const parts: AppParts = {
      log,
      version: packageJson.version,
      settingsOf: (plugin) => environment.pluginEnv(plugin),
      signal: starting.signal,
    }
    app = await start(config, parts)
  } catch (error) {
    await log.close()
    if (starting.signal.aborted) return 0
    return reportFailure(error)
  }
  const uncaught = catchUncaught(app, log)
  const watcher = config.plugins.watch ? watchEnvironment(app, environment, log) : undefined
  const failure = await Promise.race([signalled.promise, app.failed, uncaught])
  await watcher?.close()
  await app.stop()
  await log.close()
  return failure === undefined ? 0 : reportFailure(failure)
}

async function start(config: Config, parts: AppParts): Promise<App> {
  // loading it takes a second, in which a signal is heard already and a wrong setting was told
  const { createApp } = await import('./app.ts')
  if (config.mode === 'bot') return createApp(config, parts)
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
  environment: LiveEnvironment,
  log: RootLogger,
): { close(): Promise<void> } {
  const reread = async () => {
    try {
      const { core, plugins } = environment.reread()
      log.addSecrets(environment.secrets)
      if (core.length > 0) log.warn('config.restart-needed', { variables: core })
      await app.reconfigure(plugins)
    } catch (error) {
      log.error('config.not-read', { error })
    }
  }
  let chain = Promise.resolve()
  const watcher = watch(envFile, {
    ignoreInitial: true,
    // editors write in several steps; a half-written file would be a change of its own
    awaitWriteFinish: { stabilityThreshold: 50, pollInterval: 10 },
  })
  return watcher.on('all', () => {
    chain = chain.then(reread)
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
