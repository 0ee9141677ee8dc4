import type { Config } from '../../config/config.ts'
import type { AppParts } from '../app.ts'
import type { Clock } from '../clock.ts'
import type { Logger } from '../log/logger.ts'
import type { PluginStacks } from '../plugin/code/stack.ts'
import type { Opened } from './opened.ts'

/** What a start begins with: what was configured and given, and what it has opened so far. */
export interface Start {
  readonly config: Config
  readonly parts: AppParts
  readonly opened: Opened
  readonly log: Logger
  readonly clock: Clock
  readonly stacks: PluginStacks
}
