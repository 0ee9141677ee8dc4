import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Config } from '../../../config/config.ts'
import { coreVariables } from '../../../config/names.ts'
import { LiveEnvironment, loadConfig } from '../../configuration.ts'
import { OpsError } from '../../errors.ts'
import { createLogger } from '../../log/logger.ts'
import { createRedactor } from '../../log/redact.ts'
import { nearest } from '../../plugin/code/nearest.ts'
import { dataDir, devPlugins } from '../dev/plugins.ts'
import { Report } from '../report.ts'
import { examineDatabase, examineStore } from './database.ts'
import { examineEnvironment } from './environment.ts'
import { examinePlugins } from './plugins.ts'

/**
 * `opsgram doctor`: what is wrong with this installation and how to mend it, whether or not the bot runs. Changes
 * nothing. Exit code 1 when something has to be mended.
 */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean' } } })
  const dir = dataDir(devPlugins([]), process.env)
  const real = { ...process.env, ...(dir !== undefined && { DATA_DIR: dir }) }
  const environment = new LiveEnvironment({ file: resolve('.env'), real })
  const reports = new Map<string, Report>()
  const add = (about: string): Report => {
    const report = new Report()
    reports.set(about, report)
    return report
  }
  const config = examineConfiguration(environment, add('configuration'))
  if (config !== undefined) await examine(config, add, reports)
  const redact = createRedactor(environment.secrets)
  const failed = [...reports.values()].some((report) => report.failed)
  console.log(redact(values.json ? asJson(reports, failed) : asText(reports, failed)))
  return failed ? 1 : 0
}

function examineConfiguration(environment: LiveEnvironment, report: Report): Config | undefined {
  try {
    const { config, warnings } = loadConfig(environment.values)
    const what = config.mode === 'bot' ? 'a bot with a token' : 'the playground (no BOT_TOKEN)'
    report.good(`accepted: ${what}`)
    for (const warning of warnings) report.advice(warning)
    for (const name of environment.unknownNames) {
      const meant = nearest(name, coreVariables)
      const hint = meant === undefined ? undefined : `→ Did you mean ${meant}?`
      report.advice(`.env sets ${name}, which nothing reads`, hint)
    }
    return config
  } catch (error) {
    if (!(error instanceof OpsError)) throw error
    report.error('not accepted: the bot would not start', error)
    return undefined
  }
}

async function examine(
  config: Config,
  add: (about: string) => Report,
  reports: Map<string, Report>,
): Promise<void> {
  // what it has to say is found and told here
  const log = createLogger({ level: 'error', format: 'pretty', output: process.stderr })
  const answers = await examineEnvironment(config, add('environment'))
  const database = add('database')
  const { isHeld, disabled } = await examineDatabase(config, log, database)
  await examineStore(config, log, database)
  const context = { config, log, running: answers || isHeld, disabled }
  for (const [about, report] of await examinePlugins(context, add('plugins'))) {
    reports.set(about, report)
  }
  await log.close()
}

function asText(reports: ReadonlyMap<string, Report>, failed: boolean): string {
  const parts = [...reports]
    .filter(([, { findings }]) => findings.length > 0)
    .map(([about, report]) => `${about}\n${report}`)
  return [...parts, failed ? '✖ Something has to be mended.' : '✔ All is in order.'].join('\n\n')
}

function asJson(reports: ReadonlyMap<string, Report>, failed: boolean): string {
  const all = [...reports].map(([about, { findings }]) => ({ about, findings }))
  return JSON.stringify({ ok: !failed, reports: all }, undefined, 2)
}
