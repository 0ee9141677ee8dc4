import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { Config } from '../../../config/config.ts'
import packageJson from '../../../package.json' with { type: 'json' }
import { codeOf } from '../../errors.ts'
import { listen } from '../../http/server.ts'
import { isIgnoredName, missingRoots } from '../../plugin/code/folder.ts'
import type { Report } from '../report.ts'

/** Less free space than this is worth a word: an embedded database alone takes 40 MB. */
const scarceBytes = 500 * 1024 * 1024
/** What a program that has nothing to do answers in. */
const answerMs = 2_000

/** Node, the port, DATA_DIR, what the system lets be watched. @returns whether the bot answers at its port */
export async function examineEnvironment(config: Config, report: Report): Promise<boolean> {
  report.good(`opsgram ${packageJson.version} on Node ${process.versions.node}`)
  const running = await examinePort(config, report)
  examineDataDir(config, report)
  await examineRoots(config, report)
  return running
}

const liveness = z.object({ status: z.string(), version: z.string(), uptimeS: z.number() })

async function examinePort({ http: { host, port } }: Config, report: Report): Promise<boolean> {
  if (port === 0) {
    report.good('HTTP_PORT is 0: any free port')
    return false
  }
  const server = createServer()
  try {
    await listen(server, { host, port })
    server.close()
    report.good(`port ${port} on ${host} is free: no bot runs there`)
    return false
  } catch (error) {
    const bot = codeOf(error) === 'OPS_PORT_IN_USE' ? await botAt(host, port) : undefined
    if (bot === undefined) {
      report.error('the HTTP server could not be started', error)
      return false
    }
    const { version, uptimeS } = bot
    const since = uptimeS < 120 ? `${Math.round(uptimeS)} s` : `${Math.round(uptimeS / 60)} min`
    report.good(`a bot answers on port ${port}: version ${version}, for ${since}`)
    if (version !== packageJson.version) {
      report.advice(
        `the running bot is version ${version}, this is ${packageJson.version}`,
        'It takes the new one at its next start.',
      )
    }
    return true
  }
}

async function botAt(host: string, port: number): Promise<z.infer<typeof liveness> | undefined> {
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const shown = address.includes(':') ? `[${address}]` : address
  try {
    const url = `http://${shown}:${port}/healthz`
    const answer = await fetch(url, { signal: AbortSignal.timeout(answerMs) })
    return liveness.parse(await answer.json())
  } catch {
    // whatever else answers there is no bot
    return undefined
  }
}

function examineDataDir({ dataDir }: Config, report: Report): void {
  const there = nearestExisting(dataDir)
  try {
    accessSync(there, constants.W_OK | constants.X_OK)
  } catch (error) {
    report.bad(
      `DATA_DIR ${dataDir} can't be written (${codeOf(error)})`,
      `→ Give the user that runs the bot the right to write in ${there}, or set DATA_DIR to another folder.`,
    )
    return
  }
  const made = there === dataDir ? '' : ', which the first start makes,'
  report.good(`DATA_DIR ${dataDir}${made} can be written`)
  const { bavail, bsize } = statfsSync(there)
  if (bavail * bsize < scarceBytes) {
    report.advice(
      `only ${Math.round((bavail * bsize) / 1024 / 1024)} MB are free there`,
      '→ Make room: the database, the log and the last good builds of plugins are kept there.',
    )
  }
}

function nearestExisting(dir: string): string {
  return existsSync(dir) || dirname(dir) === dir ? dir : nearestExisting(dirname(dir))
}

async function examineRoots({ plugins }: Config, report: Report): Promise<void> {
  for (const dir of await missingRoots(plugins.dirs)) {
    report.bad(
      `PLUGINS_DIR names ${dir}, and there is no such folder`,
      '→ Make it, or correct PLUGINS_DIR.',
    )
  }
  if (!plugins.watch) {
    report.advice('PLUGINS_WATCH is false', 'Changes take effect by /plugins reload alone.')
    return
  }
  const folders = (await Promise.all(plugins.dirs.map(countFolders))).reduce((a, b) => a + b, 0)
  const watches = systemLimit('max_user_watches')
  const instances = systemLimit('max_user_instances')
  if (watches === undefined || instances === undefined) return
  // each folder and each file in it is watched; other programs of this user take from the same
  const needed = folders * 2
  if (watches < needed * 2 || instances < 16) {
    report.bad(
      `the system lets ${watches} files and ${instances} programs be watched for changes; plugins take about ${needed}`,
      '→ sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512 (in /etc/sysctl.d to keep it), or PLUGINS_WATCH=false.',
    )
  } else {
    report.good(`plugins are watched: about ${needed} of ${watches} watches`)
  }
}

async function countFolders(root: string): Promise<number> {
  try {
    const entries = await readdir(root, { withFileTypes: true })
    const own = entries.filter(({ name }) => !isIgnoredName(name))
    const below = await Promise.all(
      own.filter((entry) => entry.isDirectory()).map(({ name }) => countFolders(join(root, name))),
    )
    return own.length + below.reduce((a, b) => a + b, 0)
  } catch (error) {
    // told by who reads it
    if (codeOf(error) !== undefined) return 0
    throw error
  }
}

/** Of Linux alone. */
function systemLimit(name: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/fs/inotify/${name}`, 'utf8'))
  } catch {
    return undefined
  }
}
