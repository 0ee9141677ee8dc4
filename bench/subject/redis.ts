import { spawnSync } from 'node:child_process'
import { Redis } from 'ioredis'
import { freshFolder } from '../../test/support/folders.ts'
import { freePort, ServerProcess } from './server-process.ts'

/** A Redis server of our own. @returns its port; undefined where it is not installed */
export async function startRedis(): Promise<number | undefined> {
  if (spawnSync('redis-server', ['--version']).error !== undefined) return undefined
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '']
  const server = new ServerProcess('redis-server', args, { cwd: freshFolder() })
  await server.start(async () => {
    const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return (await client.ping()) === 'PONG'
    } finally {
      client.disconnect()
    }
  })
  return port
}
