import { definePlugin } from 'opsgram'

export default definePlugin({
  name: 'attach',
  version: '1.0.0',
  description: 'Notices files and corrections',
  permissions: {
    'attach.files': { description: 'Send files to the bot', roles: ['admin', 'operator'] },
  },
  events: ({ event }) => [
    event('message:document', {
      permission: 'attach.files',
      run({ message: { document } }) {
        return `${document.file_name}, ${document.file_size} bytes: noted.`
      },
    }),
    event('edited_message:text', (ctx) => `Now it says: ${ctx.editedMessage.text}`),
    event('my_chat_member', (ctx) =>
      ctx.log.info('attach.membership', { status: ctx.myChatMember.new_chat_member.status }),
    ),
  ],
})
