import type { Logger } from '../../log/logger.ts'
import type { Store } from '../../store/store.ts'
import type { Reloader } from '../reload/reloader.ts'
import type { PluginChoices } from './choices.ts'

/** The store's topic for "somebody switched a plugin on or off". */
export const choicesTopic = 'plugin-choices'

/**
 * Does in this process what people decided about plugins in another one. What the environment switched off here
 * stays off. Returns what ends it.
 */
export function followChoices(parts: {
  choices: PluginChoices
  reloader: Reloader
  store: Store
  /** Names of PLUGINS_DISABLED. */
  disabledHere: ReadonlySet<string>
  log: Logger
}): () => void {
  const { choices, reloader, store, disabledHere, log } = parts
  return store.subscribe(choicesTopic, async () => {
    const decided = await choices.all()
    const here = new Map(reloader.list().map(({ name, state }) => [name, state === 'disabled']))
    for (const { plugin, disabled } of decided) {
      if ((here.get(plugin) ?? disabled) === disabled) continue
      if (!disabled && disabledHere.has(plugin)) continue
      log.info('plugin.choice-followed', { plugin, disabled })
      try {
        if (disabled) await reloader.disable(plugin)
        else await reloader.enable(plugin)
      } catch (error) {
        // one that can't be followed must not keep the others from it
        log.error('plugin.choice-not-followed', { plugin, disabled, error })
      }
    }
  })
}
