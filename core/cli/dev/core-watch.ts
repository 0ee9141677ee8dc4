import { relative, resolve } from 'node:path'
import { watch } from 'chokidar'

const ownRoot = resolve(import.meta.dirname, '../../..')

/** In a package the core stands still. */
const isCheckout = import.meta.filename.endsWith('.ts')

/** Runs in `opsgram dev` itself, which isn't started anew. */
const runsHere = /^core\/(cli|testing\/(bot-api|playground))\//
/** Neither the bot nor `opsgram dev` runs it. */
const runsNowhere = /^core\/(cli\/(templates|check|new)|testing\/test-bot)\//

/** A save and its formatter, or a checkout, are one change. Milliseconds. */
const quietMs = 150

export interface CoreWatch {
  /** Resolves when all that is there is watched. */
  readonly ready: Promise<void>
  close(): Promise<void>
}

export interface CoreWatchOptions {
  /** Of the checkout; default: this one. In a package there is none. */
  readonly root?: string
  /** The `.env` that the bot reads. */
  readonly envFile: string
  /** Code that the bot runs was changed: one of the files, relative to the checkout. */
  onCode(file: string): void
  /** Code that `opsgram dev` itself runs was changed. */
  onOwnCode(file: string): void
  onEnvironment(): void
}

/** Watches what a running bot can't take in: the core's own code, when this is a checkout, and `.env`. */
export function watchCore(options: CoreWatchOptions): CoreWatch {
  const { root = ownRoot } = options
  const code = isCheckout ? ['core', 'config', 'migrations', 'package.json'] : []
  const watcher = watch([...code.map((name) => resolve(root, name)), options.envFile], {
    ignoreInitial: true,
    ignored: (path, stats) =>
      path !== options.envFile && stats?.isFile() === true && !/\.(ts|json)$/.test(path),
  })
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  const report = () => {
    const files = [...changed]
    changed.clear()
    if (files.includes(options.envFile)) options.onEnvironment()
    const own = files
      .filter((file) => file !== options.envFile)
      .map((file) => relative(root, file).replaceAll('\\', '/'))
      .filter((file) => !runsNowhere.test(file))
    const here = own.find((file) => runsHere.test(file))
    if (here !== undefined) options.onOwnCode(here)
    const code = own.find((file) => !runsHere.test(file))
    if (code !== undefined) options.onCode(code)
  }
  watcher.on('all', (_kind, path) => {
    changed.add(path)
    clearTimeout(timer)
    timer = setTimeout(report, quietMs)
  })
  return {
    ready: new Promise((resolve) => watcher.once('ready', resolve)),
    async close() {
      clearTimeout(timer)
      await watcher.close()
    },
  }
}
