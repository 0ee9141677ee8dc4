import type { PressResult, Reader } from '../../card/card.ts'
import { codeOf } from '../../errors.ts'
import type { ReloadOutcome } from '../catalog/plugins.ts'

/** Does what a card's button says, and tells the presser what came of it. What the reloader refuses is an answer too. */
export async function attempt(
  plugin: string,
  { t }: Reader,
  work: () => Promise<ReloadOutcome | undefined>,
): Promise<PressResult> {
  const failed = (code: string): PressResult => ({
    outcome: 'failed',
    reason: code,
    text: t('card.failed', { plugin, code }),
  })
  try {
    const outcome = await work()
    if (outcome?.ok === false) return failed(outcome.code ?? 'OPS_PLUGIN_LOAD')
    return { outcome: 'done', text: t('card.done', { plugin }) }
  } catch (error) {
    const code = codeOf(error)
    if (code?.startsWith('OPS_PLUGIN') !== true) throw error
    return failed(code)
  }
}
