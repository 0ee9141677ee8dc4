import { randomUUID } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { codeOf, OpsError } from '../errors.ts'
import { startOf } from './process.ts'

/** What the lock file tells about its holder. */
const holderSchema = z.object({
  pid: z.number().int(),
  /** Start of that process in clock ticks after boot: pids are reused, and each container has a pid 1. */
  started: z.string().nullable(),
  /** The holder's socket in the same folder; null where the file system has no sockets. */
  socket: z.string().nullable(),
  token: z.string(),
})
type Holder = z.infer<typeof holderSchema>

/** Long enough for a rival who had judged the same lock to be stale to make its move. */
const settleMs = 100
const attempts = 5

export interface FolderLock {
  release(): void
}

/**
 * Makes sure that one process alone uses `folder`: PGlite takes no lock, and a second one destroys the files
 * (electric-sql/pglite#1106).
 *
 * The holder listens on a Unix socket inside the folder. The kernel closes it however the process ends, so a
 * lock left by kill -9 is told from a live one at once, also from another container on the same volume, where pids
 * say nothing. Without sockets (some mounted file systems) pid and start time decide.
 *
 * @throws OpsError OPS_DATABASE_IN_USE naming the process that holds it; OPS_DATA_DIR if the folder can't be made
 * or written.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  makeFolder(folder)
  const token = randomUUID()
  const beacon = await Beacon.light(folder, `${token.slice(0, 8)}.sock`)
  const mine: Holder = {
    pid: process.pid,
    started: startOf(process.pid),
    socket: beacon?.name ?? null,
    token,
  }
  const draft = join(folder, `${token}.lock`)
  const file = join(folder, 'lock')
  try {
    writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 })
    await take(folder, file, draft, token)
  } catch (error) {
    beacon?.put()
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return {
    release() {
      if (read(file)?.token === token) rmSync(file, { force: true })
      beacon?.put()
    },
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new OpsError(
      'OPS_DATA_DIR',
      `The embedded database can't be kept in ${folder} (${codeOf(error)})`,
      { cause: error, details: { variable: 'DATA_DIR', folder } },
    )
  }
}

async function take(folder: string, file: string, draft: string, token: string): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    let takenOver = false
    try {
      // link() is atomic and refuses an existing name; the file appears with its whole content.
      linkSync(draft, file)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      const holder = read(file)
      if (holder !== undefined && (await lives(folder, holder))) throw inUse(folder, holder)
      // Nothing may come between this comparison and the rename, or a rival's fresh lock could be taken away.
      if (read(file)?.token !== holder?.token) continue
      renameSync(draft, file)
      writeFileSync(draft, readFileSync(file))
      takenOver = true
      if (holder?.socket) rmSync(join(folder, holder.socket), { force: true })
    }
    // After a crash two processes may come at once: the later rename wins, and the earlier one sees it here.
    if (takenOver) await delay(settleMs)
    if (read(file)?.token === token) return
  }
  throw inUse(folder, read(file))
}

function inUse(folder: string, holder: Holder | undefined): OpsError {
  const who = holder === undefined ? 'another process' : `the process ${holder.pid}`
  return new OpsError(
    'OPS_DATABASE_IN_USE',
    `The embedded database in ${folder} is used by ${who}`,
    {
      hint: 'Stop that process, or give this one a DATA_DIR of its own, or let both use PostgreSQL (DATABASE_URL).',
      details: { folder, pid: holder?.pid },
    },
  )
}

function read(file: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(readFileSync(file, 'utf8'))).data
  } catch {
    // Gone meanwhile, or not ours: whoever asks treats both as "nobody known".
    return undefined
  }
}

async function lives(folder: string, holder: Holder): Promise<boolean> {
  if (holder.socket !== null && (await Beacon.seen(folder, holder.socket))) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false
  }
  const started = startOf(holder.pid)
  // Where starts can't be read (no /proc) a live pid without its socket answering may be anybody.
  if (started === null || holder.started === null) return holder.socket === null
  return started === holder.started
}

/** A socket that is there exactly as long as its process. */
class Beacon {
  readonly name: string
  readonly #server: Server
  readonly #directory: number | undefined

  private constructor(name: string, server: Server, directory: number | undefined) {
    this.name = name
    this.#server = server
    this.#directory = directory
  }

  /** Undefined where the file system has no sockets. */
  static light(folder: string, name: string): Promise<Beacon | undefined> {
    const { path, directory } = reach(folder, name)
    const server = createServer((socket) => socket.destroy())
    return new Promise((resolve) => {
      server.once('error', () => {
        if (directory !== undefined) closeSync(directory)
        resolve(undefined)
      })
      server.listen(path, () => {
        server.unref()
        resolve(new Beacon(name, server, directory))
      })
    })
  }

  static seen(folder: string, name: string): Promise<boolean> {
    const { path, directory } = reach(folder, name)
    return new Promise((resolve) => {
      const socket = connect(path)
      const answer = (seen: boolean) => {
        socket.destroy()
        if (directory !== undefined) closeSync(directory)
        resolve(seen)
      }
      socket.once('connect', () => answer(true))
      // A full backlog (EAGAIN) is somebody's too: only "nobody listens" and "no such file" mean gone.
      socket.once('error', (error) => {
        const code = codeOf(error)
        answer(code !== 'ECONNREFUSED' && code !== 'ENOENT')
      })
    })
  }

  put(): void {
    this.#server.close()
    if (this.#directory !== undefined) closeSync(this.#directory)
  }
}

/** Socket addresses end at about 100 bytes (unix(7)); through /proc any folder can be reached by a short one. */
function reach(folder: string, name: string): { path: string; directory?: number } {
  const path = join(folder, name)
  if (process.platform !== 'linux' || Buffer.byteLength(path) < 100) return { path }
  const directory = openSync(folder, 'r')
  return { path: `/proc/self/fd/${directory}/${name}`, directory }
}
