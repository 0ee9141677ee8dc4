import type { Files } from './folder.ts'

/** Where handlers of plugins and of the peers count that they ran. */
export const counter = { hits: 0 }
Object.assign(globalThis, { opsgramBench: counter })

const commandsPerPlugin = 10

/** Plugins with `count` commands `/cmd0` … in all, a listener for text, three middlewares, and a gate that lets all in. */
export function commandPlugins(count: number): Files {
  const files: Record<string, string> = { 'gate/index.ts': gate, 'rest/index.ts': rest }
  for (let first = 0; first < count; first += commandsPerPlugin) {
    const last = Math.min(count, first + commandsPerPlugin)
    files[`p${first}/index.ts`] = commandPlugin(`p${first}`, first, last)
  }
  return files
}

export function commandPlugin(name: string, first: number, last: number): string {
  const commands = Array.from({ length: last - first }, (_, index) => {
    const command = `cmd${first + index}`
    return `    ${command}: command({ description: 'Counts', run }),`
  })
  return `
import { definePlugin } from 'opsgram'
const run = async () => { globalThis.opsgramBench.hits++ }
export default definePlugin({
  name: '${name}',
  version: '1.0.0',
  commands: ({ command }) => ({
${commands.join('\n')}
  }),
})
`
}

const gate = `
import { Authenticator, Authorizer, definePlugin } from 'opsgram'
const actor = { kind: 'user', id: '1', telegramId: 7, name: 'U', role: 'operator' } as const
export default definePlugin({
  name: 'gate',
  version: '1.0.0',
  setup: () => ({
    authenticator: { authenticate: async () => ({ admitted: true, actor }) },
    authorizer: { permissionsOf: async () => () => true },
  }),
  provides: { authenticator: Authenticator, authorizer: Authorizer },
})
`

const rest = `
import { definePlugin } from 'opsgram'
const pass = { phase: 'context', run: async (_ctx, next) => { await next() } } as const
export default definePlugin({
  name: 'rest',
  version: '1.0.0',
  middleware: ({ middleware }) => [middleware(pass), middleware(pass), middleware(pass)],
  events: ({ event }) => [event('message:text', async () => { globalThis.opsgramBench.hits++ })],
})
`
