import {
  type ActiveUser,
  type OpsContext,
  OpsError,
  type PluginStatus,
  type PluginsApi,
  type ReloadOutcome,
} from 'opsgram'
import { inMs } from './status.ts'

/** Whose wish it is, and in which language they hear what came of it. */
export type Asking = Pick<OpsContext, 't' | 'language' | 'timeZone'> & {
  readonly actor: ActiveUser
  readonly use: { readonly plugins: PluginsApi }
}

/** Loads a plugin anew and says what came of it. */
export function reload(ctx: Asking, name: string): Promise<string> {
  return report(ctx, name, (plugins) => plugins.reload(name, ctx.actor))
}

/** Puts the version before back and says what came of it. */
export function rollBack(ctx: Asking, name: string): Promise<string> {
  return report(ctx, name, (plugins) => plugins.rollBack(name, ctx.actor))
}

/** Loads a disabled plugin and says what came of it. */
export function enable(ctx: Asking, name: string): Promise<string> {
  return report(ctx, name, (plugins) => plugins.enable(name, ctx.actor))
}

/** Switches a plugin off. The one that could switch it on again stays, and so does who lets people in. */
export async function disable(ctx: Asking, name: string, reason?: string): Promise<string> {
  const { t, use, actor } = ctx
  if (name === 'plugins') return t('disable.protected', { name })
  try {
    await use.plugins.disable(name, actor, reason)
    return t('disable.done', { name })
  } catch (error) {
    return sentenceOf(error, t, name)
  }
}

async function report(
  { t, use, language }: Asking,
  name: string,
  work: (plugins: PluginsApi) => Promise<ReloadOutcome>,
): Promise<string> {
  const { plugins } = use
  try {
    const outcome = await work(plugins)
    const { version, generation, state } = statusOf(plugins, name) ?? {}
    if (outcome.ok) {
      return t('reload.done', { name, version, generation, took: inMs(outcome.ms, language) })
    }
    const key = state === 'failed' ? 'reload.failed' : 'reload.kept'
    return [t(key, { name }), `${outcome.code}: ${outcome.message}`, outcome.hint].join('\n')
  } catch (error) {
    return sentenceOf(error, t, name)
  }
}

function sentenceOf(error: unknown, t: OpsContext['t'], name: string): string {
  const code = error instanceof OpsError ? error.code : undefined
  if (code === 'OPS_PLUGIN_UNKNOWN') return t('unknown', { name })
  if (code === 'OPS_PLUGIN_NO_BUILD') return t('rollback.none', { name })
  if (code === 'OPS_PLUGIN_PROTECTED') return t('disable.protected', { name })
  throw error
}

/** One plugin as it stands; undefined when there is none of that name. */
export function statusOf(
  plugins: PluginsApi,
  name: string,
  language?: string,
): PluginStatus | undefined {
  return plugins.list(language).find((plugin) => plugin.name === name)
}
