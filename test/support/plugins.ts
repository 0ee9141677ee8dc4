/**
 * Lets in whoever is in ADMIN_IDS, to everything, and nobody else: for tests of what has nothing to do
 * with roles, in place of the first-party auth.
 */
export const gatePlugin = `
import { Authenticator, Authorizer, definePlugin, Settings } from 'opsgram'

export default definePlugin({
  name: 'gate',
  version: '1.0.0',
  uses: { settings: Settings },
  setup({ use }) {
    return {
      authenticator: {
        async authenticate({ userId }) {
          if (userId === undefined || !use.settings.ownerIds.includes(userId)) {
            return { admitted: false, actor: { kind: 'none' }, reason: 'stranger' }
          }
          const actor = { kind: 'user', id: String(userId), telegramId: userId, name: 'Owner', role: 'owner' }
          return { admitted: true, actor }
        },
      },
      authorizer: { permissionsOf: async () => () => true },
    }
  },
  provides: { authenticator: Authenticator, authorizer: Authorizer },
})
`

/** One command that answers one word. */
export const wordPlugin = (name: string, word: string, command = name) => `
import { definePlugin } from 'opsgram'

export default definePlugin({
  name: '${name}',
  version: '1.0.0',
  commands: ({ command }) => ({
    ${command}: command({ description: 'Answers one word', run: () => '${word}' }),
  }),
})
`
