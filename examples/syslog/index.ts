import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'syslog',
  version: '1.0.0',
  description: 'The last lines that devices sent by UDP',
  config: z.object({ port: z.coerce.number().int().default(5514) }),
  reload: 'exclusive', // one port can't be bound twice
  async setup(scope) {
    const lines: string[] = []
    const socket = createSocket('udp4')
    scope.onDispose(async () => {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    })
    socket.on('message', (packet) => {
      lines.push(packet.toString('utf8').trimEnd().slice(0, 200))
      if (lines.length > 10) lines.shift()
    })
    socket.bind(scope.config.port, '127.0.0.1')
    await once(socket, 'listening')
    return { lines, port: socket.address().port }
  },
  commands: ({ command }) => ({
    syslog: command({
      description: 'The last lines',
      run: ({ plugin }) => plugin.lines.join('\n') || 'Nothing came yet.',
    }),
  }),
})
