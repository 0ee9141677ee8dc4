import { type ErrorCode, errorCodes, OpsError } from '../../errors.ts'
import type { PluginStatus } from '../../plugin/catalog/plugins.ts'

/** @throws OpsError what its last reload failed on, with the code frame */
export function throwIfFailed({ name, lastReload }: PluginStatus): void {
  if (lastReload === undefined || lastReload.ok) return
  const { code = '', message, frame } = lastReload
  const text = [
    `Plugin ${name} was not loaded: ${message}`,
    ...(frame === undefined ? [] : [frame]),
  ]
  throw new OpsError(isErrorCode(code) ? code : 'OPS_PLUGIN_LOAD', text.join('\n'), {
    details: { ...lastReload, plugin: name },
  })
}

/** @throws OPS_TEST_MISSING naming what it waits for */
export function throwIfWaiting({ name, state, waitingFor = [] }: PluginStatus): void {
  if (state !== 'waiting') return
  const missing = waitingFor.join(', ')
  throw new OpsError('OPS_TEST_MISSING', `Plugin ${name} waits for ${missing}`, {
    hint: "Name the plugins that it needs too: createTestBot({ plugins: ['./plugins/a', './plugins/b'] })",
    details: { plugin: name, waitingFor },
  })
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code)
}
