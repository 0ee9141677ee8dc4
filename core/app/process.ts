import { watch } from 'chokidar'
import type { Config } from '../../config/config.ts'
import { coreVariables } from '../../config/names.ts'
import packageJson from '../../package.json' with { type: 'json' }
import type { App, AppParts } from '../app.ts'
import { LiveEnvironment, loadConfig, type Sources } from '../configuration.ts'
import { messageOf, OpsError } from '../errors.ts'
import { createLogger, type RootLogger } from '../log/logger.ts'
import { createRedactor, type Redactor, redactText } from '../log/redact.ts'
import { nearest } from '../plugin/code/nearest.ts'
import { currentOwner } from '../plugin/code/owner.ts'
import { PluginStacks } from '../plugin/code/stack.ts'
import { type Stalls, watchStalls } from './stall/watch.ts'

/** After the drain a stop has so long for its last steps; then the process ends as it is. */
const lastStepsMs = 3_000

/** Ctrl-C through npm arrives twice within milliseconds; a signal after this long means "at once". */
const sameSignalMs = 1_000

/** What one process of the bot is made of. */
export interface ProcessOptions {
  readonly sources: Sources
  /** Makes the app of what the environment says. */
  start(config: Config, parts: AppParts): Promise<App>
  /** Told which of the core's own variables have changed in `.env`; default: the log says that they need a new start. */
  readonly coreChanged?: (variables: readonly string[]) => void
}

/**
 * Runs the app as the only thing of this process: its log is standard output, SIGTERM and SIGINT stop it, `.env` is
 * watched, and what nobody catches is told from what a plugin did.
 *
 * @returns the exit code; whoever calls ends the process with it, as a failed start may leave timers and sockets
 */
export async function runProcess(options: ProcessOptions): Promise<number> {
  try {
    const environment = new LiveEnvironment(options.sources)
    const { config, warnings } = loadConfig(environment.values)
    neverBlock(process.stdout)
    const log = createLogger({ ...config.log, secrets: config.secrets, output: process.stdout })
    log.addSecrets(environment.secrets)
    for (const warning of warnings) log.warn('config.warning', { warning })
    for (const variable of environment.unknownNames) {
      log.warn('config.unknown-variable', { variable, meant: nearest(variable, coreVariables) })
    }
    const stalls = watchStalls({ limitMs: config.stallLimitMs, dir: config.dataDir, log })
    try {
      return await run(config, environment, { log, stalls }, options)
    } finally {
      stalls.end()
    }
  } catch (error) {
    return reportFailure(error)
  }
}

/** @returns the exit code */
async function run(
  config: Config,
  environment: LiveEnvironment,
  { log, stalls }: { log: RootLogger; stalls: Stalls },
  options: ProcessOptions,
): Promise<number> {
  const starting = new AbortController()
  const signalled = Promise.withResolvers<void>()
  const overtime = Promise.withResolvers<'overtime'>()
  const limitStop = () => {
    setTimeout(overtime.resolve, config.shutdownTimeoutMs + lastStepsMs, 'overtime')
  }
  listenForSignals(() => {
    starting.abort()
    signalled.resolve()
    limitStop()
  })
  const stacks = new PluginStacks()
  const uncaught = catchUncaught(stacks, log)
  let failure: unknown
  const work = async (): Promise<void> => {
    const parts: AppParts = {
      log,
      logControl: log,
      stacks,
      stalls,
      version: packageJson.version,
      settingsOf: (plugin) => environment.pluginEnv(plugin),
      signal: starting.signal,
    }
    const fatal = uncaught.then((error) => Promise.reject(error))
    const app = await Promise.race([options.start(config, parts), fatal])
    const watcher = config.plugins.watch
      ? watchEnvironment(app, environment, log, options)
      : undefined
    failure = await Promise.race([signalled.promise, app.failed, uncaught])
    if (failure !== undefined) limitStop()
    await watcher?.close()
    await app.stop()
  }
  try {
    if ((await Promise.race([work(), overtime.promise])) === 'overtime') {
      const hint = 'Something did not end in time. What was not done is done at the next start.'
      log.error('app.stop-forced', { hint })
    }
  } catch (error) {
    // what a start ended with that was called off is nobody's trouble
    if (starting.signal.aborted) log.debug('app.start-called-off', { error })
    else failure = error
  }
  await log.close()
  return failure === undefined ? 0 : reportFailure(failure, createRedactor(environment.secrets))
}

/**
 * Node writes to a pipe on POSIX systems at once (nodejs.org/api/process.html#a-note-on-process-io): a reader that stands still,
 * `opsgram | less`, would hold all of the bot. Nothing but the handle has a switch for it.
 */
function neverBlock(stream: NodeJS.WriteStream & { _handle?: unknown }): void {
  const handle = stream._handle
  if (stream.isTTY || typeof handle !== 'object' || handle === null) return
  if ('setBlocking' in handle && typeof handle.setBlocking === 'function') handle.setBlocking(false)
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
function catchUncaught(stacks: PluginStacks, log: RootLogger): Promise<unknown> {
  return new Promise((resolve) => {
    const onUncaught = (error: unknown) => {
      // by the code that threw, else by who began what failed
      const plugin = stacks.locationOf(error)?.plugin ?? currentOwner()
      log.error(plugin === undefined ? 'app.uncaught' : 'plugin.uncaught', { plugin, error })
      if (plugin === undefined) resolve(error ?? new Error('undefined was thrown'))
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
  { sources, coreChanged }: ProcessOptions,
): { close(): Promise<void> } {
  const tellRestart = (variables: readonly string[]) =>
    log.warn('config.restart-needed', { variables })
  const reread = async () => {
    try {
      const { core, plugins } = environment.reread()
      log.addSecrets(environment.secrets)
      if (core.length > 0) (coreChanged ?? tellRestart)(core)
      await app.reconfigure(plugins)
    } catch (error) {
      log.error('config.not-read', { error })
    }
  }
  let chain = Promise.resolve()
  const watcher = watch(sources.file, {
    ignoreInitial: true,
    // editors write in several steps; a half-written file would be a change of its own
    awaitWriteFinish: { stabilityThreshold: 50, pollInterval: 10 },
  })
  return watcher.on('all', () => {
    chain = chain.then(reread)
  })
}

/** One readable error: its code, what happened, what to do. @returns the exit code */
function reportFailure(error: unknown, redact: Redactor = redactText): number {
  const report =
    error instanceof OpsError
      ? `${error.code}: ${error.message}\n  → ${error.hint.replaceAll('\n', '\n    ')}\n`
      : `OPS_INTERNAL: ${messageOf(error)}\n${error instanceof Error ? error.stack : ''}\n`
  process.stderr.write(redact(report))
  return 1
}
