import { type OpsContext, OpsError, type PluginsApi } from 'opsgram'

/** Loads a plugin anew and says what came of it. */
export async function reload(
  { t, use }: Pick<OpsContext, 't'> & { use: { plugins: PluginsApi } },
  name: string,
): Promise<string> {
  const { plugins } = use
  try {
    const outcome = await plugins.reload(name)
    const { version, generation, state } = find(plugins, name) ?? {}
    if (outcome.ok) return t('reload.done', { name, version, generation, ms: outcome.ms })
    const key = state === 'active' ? 'reload.kept' : 'reload.failed'
    return [t(key, { name }), `${outcome.code}: ${outcome.message}`, outcome.hint].join('\n')
  } catch (error) {
    if (!(error instanceof OpsError) || error.code !== 'OPS_PLUGIN_UNKNOWN') throw error
    const disabled = find(plugins, name)?.state === 'disabled'
    return t(disabled ? 'reload.disabled' : 'unknown', { name })
  }
}

function find(plugins: PluginsApi, name: string) {
  return plugins.list().find((plugin) => plugin.name === name)
}
