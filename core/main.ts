import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { runProcess } from './app/process.ts'
import type { App, AppParts } from './app.ts'

process.exitCode = await runProcess({
  sources: { file: resolve('.env'), real: process.env },
  start,
})
process.exit()

async function start(config: Config, parts: AppParts): Promise<App> {
  // loading it takes a second, in which a signal is heard already and a wrong setting was told
  const { createApp } = await import('./app.ts')
  if (config.mode === 'bot') return createApp(config, parts)
  // only here: the test kit must not be loaded, nor be installed, where a real bot runs
  const { openPlayground } = await import('./testing/playground/open.ts')
  return openPlayground(config, parts, createApp)
}
