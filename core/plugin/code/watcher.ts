import { existsSync } from 'node:fs'
import path from 'node:path'
import { watch } from 'chokidar'
import { codeOf, messageOf, OpsError } from '../../errors.ts'
import { isCheckingOut } from './checkout.ts'
import { isIgnoredName, isInside, type PluginFolder } from './folder.ts'

/** What changed on disk since the last report. */
export interface FolderChange {
  /** The folders of plugin folders concerned. */
  readonly roots: ReadonlySet<string>
  /**
   * Absolute paths, as seen through the root, of what was written, added or removed: files and folders.
   * What happened to each is not said, as the order and kind of such events can't be relied on.
   */
  readonly files: ReadonlySet<string>
}

export interface WatchOptions {
  /** Folders of plugin folders; they need not exist yet, and may go and come back. */
  readonly roots: readonly string[]
  /** Plugin folders that lie elsewhere. */
  readonly folders?: readonly string[]
  /** Which plugin folders in them are of interest; the others are not even looked into. Default all. */
  readonly accepts?: (folder: PluginFolder) => boolean
  /**
   * Called for one change at a time: what changes while it runs is reported in one further call.
   */
  onChange(change: FolderChange): Promise<void>
  /** OPS_WATCH_LIMIT or OPS_WATCH; watching goes on as far as it can. Each cause is told once. */
  onError(error: OpsError): void
  /** For tests that can't have the machine decide what is one change. */
  settle?: SettleTimes
}

export interface FolderWatcher {
  /** Resolves when everything that is there is watched. Build after it, or a save in between is missed. */
  readonly ready: Promise<void>
  /** Stops watching, and waits for the call of `onChange` that is running. */
  close(): Promise<void>
}

/** How long is waited for more, ms. */
export interface SettleTimes {
  /** A folder is settled when nothing happened in it for so long: editors write a file in several steps. */
  readonly quiet: number
  /** The same after many files: it is no editor but a checkout or a copy, whose steps lie further apart. */
  readonly storm: number
  /** Something that was removed may be about to come back: some editors save by delete and create. */
  readonly absent: number
  /** A folder that never comes to rest is reported anyway. */
  readonly longest: number
  /** A settled folder waits so long for others that are changing as well: a checkout is one change. */
  readonly join: number
}

const SETTLE: SettleTimes = { quiet: 15, storm: 100, absent: 100, longest: 1000, join: 100 }
/** So many files are a storm. */
const STORM_FILES = 8

/** Watches folders of plugin folders and reports what changed when it has come to rest. */
export function watchFolders(options: WatchOptions): FolderWatcher {
  const roots = options.roots.map((root) => path.resolve(root))
  const folders = (options.folders ?? []).map((folder) => path.resolve(folder))
  const reporter = new Reporter(options)
  const told = new Set<string>()
  const watcher = watch([...roots, ...folders], {
    ignoreInitial: true,
    // its own delay of removals is 100 ms for each file; ours is for each folder
    atomic: false,
    ignored: (file) => isIgnored(folders, file) || isIgnored(roots, file, options.accepts),
  })
  const ready = new Promise<void>((resolve) => watcher.once('ready', resolve))
  const closed = Promise.withResolvers<void>()
  const settler = new Settler({ roots, folders }, options.settle ?? SETTLE, (change) =>
    reporter.add(change),
  )
  watcher.on('all', (_kind, file) => settler.touch(path.resolve(file)))
  watcher.on('error', (error) => {
    const coded = watchError(error)
    if (told.has(coded.message)) return
    told.add(coded.message)
    options.onError(coded)
  })
  return {
    ready: Promise.race([ready, closed.promise]),
    async close() {
      settler.close()
      closed.resolve()
      await watcher.close()
      await reporter.close()
    },
  }
}

/** A failure of the watcher as a coded error; the system's limits are told apart. */
export function watchError(error: unknown): OpsError {
  const code = codeOf(error)
  // inotify: no more watches, or no more instances of it
  const isLimit = code === 'ENOSPC' || code === 'EMFILE'
  const message = `Changes of plugin folders are not all seen: ${messageOf(error)}`
  return new OpsError(isLimit ? 'OPS_WATCH_LIMIT' : 'OPS_WATCH', message, { cause: error })
}

function isIgnored(
  roots: readonly string[],
  file: string,
  accepts?: WatchOptions['accepts'],
): boolean {
  const root = roots.find((root) => isInside(root, file))
  if (root === undefined) return false
  const names = path.relative(root, file).split(path.sep)
  if (names.some(isIgnoredName)) return true
  const [name = ''] = names
  // folders with an underscore are shared by all
  if (accepts === undefined || name.startsWith('_')) return false
  return !accepts({ name, dir: path.join(root, name), root })
}

interface Unsettled {
  readonly root: string
  readonly files: Set<string>
  readonly since: number
  /** When it was last touched. */
  at: number
  timer: NodeJS.Timeout | undefined
}

/** Gathers touched paths by plugin folder, until each folder has come to rest. */
class Settler {
  readonly #roots: readonly string[]
  readonly #folders: readonly string[]
  readonly #times: SettleTimes
  readonly #report: (change: FolderChange) => void
  readonly #unsettled = new Map<string, Unsettled>()
  #settled: { roots: Set<string>; files: Set<string> } = { roots: new Set(), files: new Set() }
  #join: NodeJS.Timeout | undefined
  /** Since when a settled change waits for git; `over`: no longer, only for the last events. */
  #held: number | 'over' | undefined
  #isClosed = false

  constructor(
    watched: { roots: readonly string[]; folders: readonly string[] },
    times: SettleTimes,
    report: (change: FolderChange) => void,
  ) {
    this.#roots = watched.roots
    this.#folders = watched.folders
    this.#times = times
    this.#report = report
  }

  touch(file: string): void {
    const holds = (each: string) => each === file || isInside(each, file)
    const own = this.#folders.find(holds)
    const root = own === undefined ? this.#roots.find(holds) : path.dirname(own)
    if (root === undefined || this.#isClosed) return
    const [name = ''] = path.relative(root, file).split(path.sep)
    const key = own ?? path.join(root, name)
    const now = performance.now()
    const folder = this.#unsettled.get(key) ?? {
      root,
      files: new Set(),
      since: now,
      at: now,
      timer: undefined,
    }
    this.#unsettled.set(key, folder)
    folder.files.add(file)
    folder.at = now
    this.#wait(key, folder, folder.files.size > STORM_FILES ? this.#times.storm : this.#times.quiet)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#join)
    for (const { timer } of this.#unsettled.values()) clearTimeout(timer)
    this.#unsettled.clear()
  }

  /** Looks again when the folder will have been quiet for so long, if it stays quiet. */
  #wait(key: string, folder: Unsettled, quietMs: number): void {
    const now = performance.now()
    const until = Math.min(folder.at + quietMs, folder.since + this.#times.longest)
    clearTimeout(folder.timer)
    folder.timer = setTimeout(() => this.#look(key, folder), Math.max(0, until - now))
  }

  #look(key: string, folder: Unsettled): void {
    const now = performance.now()
    const isOverdue = now - folder.since >= this.#times.longest
    const isFresh = now - folder.at < this.#times.absent
    if (isFresh && !isOverdue && !allExist(folder.files)) {
      this.#wait(key, folder, this.#times.absent)
      return
    }
    this.#unsettled.delete(key)
    this.#settled.roots.add(folder.root)
    for (const file of folder.files) this.#settled.files.add(file)
    if (this.#unsettled.size === 0) this.#flush()
    else this.#join ??= setTimeout(() => this.#flush(), this.#times.join)
  }

  #flush(): void {
    clearTimeout(this.#join)
    this.#join = undefined
    if (this.#isHeld()) {
      this.#join = setTimeout(() => this.#flush(), this.#times.quiet)
      return
    }
    this.#held = undefined
    const change = this.#settled
    this.#settled = { roots: new Set(), files: new Set() }
    this.#report(change)
  }

  /** Some folders of a checkout settle before git has come to the others. */
  #isHeld(): boolean {
    if (this.#held === 'over') return false
    const now = performance.now()
    const isBusy = isCheckingOut([...this.#roots, ...this.#folders], this.#times.join)
    if (isBusy) this.#held ??= now
    if (this.#held === undefined) return false
    // what git did last is on its way for a moment yet
    if (!isBusy || now - this.#held >= this.#times.longest) this.#held = 'over'
    return true
  }
}

/** Looks at no more than what an editor touches: a storm is waited for anyway. */
function allExist(files: ReadonlySet<string>): boolean {
  return [...files].slice(0, STORM_FILES).every((file) => existsSync(file))
}

/** Hands changes to the listener one after another; what comes meanwhile becomes one. */
export class Reporter {
  readonly #options: Pick<WatchOptions, 'onChange' | 'onError'>
  #next: { roots: Set<string>; files: Set<string> } | undefined
  #running: Promise<void> | undefined
  #isClosed = false

  constructor(options: Pick<WatchOptions, 'onChange' | 'onError'>) {
    this.#options = options
  }

  add({ roots, files }: FolderChange): void {
    this.#next = {
      roots: new Set([...(this.#next?.roots ?? []), ...roots]),
      files: new Set([...(this.#next?.files ?? []), ...files]),
    }
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#running
  }

  async #run(): Promise<void> {
    for (let change = this.#next; change && !this.#isClosed; change = this.#next) {
      this.#next = undefined
      try {
        await this.#options.onChange(change)
      } catch (error) {
        this.#options.onError(watchError(error))
      }
    }
  }
}
