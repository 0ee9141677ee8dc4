import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { freshFolder } from '../../test/support/folders.ts'
import { freePort, ServerProcess } from './server-process.ts'

/** `fast` ends what is running in order; `immediate` is a crash, after which the server recovers from its log. */
export type Shutdown = 'fast' | 'immediate'

const signals = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/** Where Debian's packages and others put the server's programs. */
const places = ['/usr/lib/postgresql', '/usr/local/pgsql', '/opt/homebrew/opt']

/** A PostgreSQL server of our own, in a folder that goes with this process: it may be treated as badly as one likes. */
export class Cluster {
  readonly port: number
  readonly #server: ServerProcess

  private constructor(port: number, server: ServerProcess) {
    this.port = port
    this.#server = server
  }

  /** @returns undefined where PostgreSQL is not installed */
  static async start(): Promise<Cluster | undefined> {
    const programs = findPrograms()
    if (programs === undefined) return undefined
    const folder = freshFolder()
    const account = accountFor(folder)
    const data = path.join(folder, 'data')
    const options = { cwd: folder, ...account }
    const init = ['-D', data, '-U', 'opsgram', '-A', 'trust', '-E', 'UTF8', '--locale=C']
    const made = spawnSync(path.join(programs, 'initdb'), init, { ...options, encoding: 'utf8' })
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error}`)
    const port = await freePort()
    const settings = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`]
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((one) => ['-c', one])]
    const server = new ServerProcess(path.join(programs, 'postgres'), args, options)
    const cluster = new Cluster(port, server)
    await cluster.#up()
    return cluster
  }

  url(database: string, port = this.port): string {
    return `postgres://opsgram@127.0.0.1:${port}/${database}`
  }

  async createDatabase(name: string): Promise<void> {
    await this.#ask(`create database ${name}`)
  }

  async restart(how: Shutdown): Promise<void> {
    await this.stop(how)
    await this.#up()
  }

  async stop(how: Shutdown = 'fast'): Promise<void> {
    await this.#server.stop(signals[how])
  }

  async #up(): Promise<void> {
    await this.#server.start(async () => {
      await this.#ask('select 1')
      return true
    })
  }

  async #ask(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.url('postgres') })
    // what breaks while it connects is told by connect() as well
    client.on('error', () => undefined)
    try {
      await client.connect()
      await client.query(sql)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

function findPrograms(): string | undefined {
  for (const place of places.filter((one) => existsSync(one))) {
    const versions = readdirSync(place).sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a))
    const found = ['.', ...versions]
      .map((version) => path.join(place, version, 'bin'))
      .find((folder) => existsSync(path.join(folder, 'initdb')))
    if (found !== undefined) return found
  }
  return undefined
}

/** The server refuses to run as root: then it runs as its own account, or as nobody. */
function accountFor(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const account =
    accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody')
  const [, , uid, gid] = (account ?? []).map(Number)
  if (uid === undefined || gid === undefined) throw new Error('no account but root to run it as')
  chownSync(folder, uid, gid)
  return { uid, gid }
}
