import type { PluginBuild } from '../code/build.ts'
import type { EvaluatedPlugin } from '../code/evaluate.ts'
import type { PluginCheck } from '../offered/health.ts'
import type { PluginScope } from '../scope.ts'
import type { PluginInstance } from './instance.ts'

/** A set-up version of a plugin together with what it was made from and what it owns. */
export interface LoadedPlugin extends PluginInstance {
  readonly build: PluginBuild
  readonly evaluated: EvaluatedPlugin
  readonly scope: PluginScope<unknown, unknown>
  readonly checks: readonly PluginCheck[]
  /** Generation that it first served in. */
  readonly since: number
}
