import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A network between a client and a server that a test can break. */
export interface TcpProxy {
  readonly port: number
  /** Ends all connections and takes no more. */
  cut(): void
  /** Connections stay, and nothing gets through. */
  hold(): void
  /** Answers what holds this word in the server's place. */
  answer(word: string, answer: string): void
  /** All is as it was. */
  mend(): void
  close(): Promise<void>
}

export async function tcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const open = new Set<Socket>()
  let state: 'open' | 'cut' | 'held' = 'open'
  let instead: { word: string; answer: string } | undefined
  const server = createServer((client) => {
    if (state === 'cut') {
      client.destroy()
      return
    }
    const there = connect(target)
    for (const [socket, other] of [
      [client, there],
      [there, client],
    ] as const) {
      open.add(socket)
      // the other end hears of it by 'close'
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
      socket.on('data', (chunk: Buffer) => {
        if (state === 'held') return
        if (socket === client && instead !== undefined && chunk.includes(instead.word)) {
          client.write(instead.answer)
        } else other.write(chunk)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  return {
    port: address.port,
    cut() {
      state = 'cut'
      cut()
    },
    hold() {
      state = 'held'
    },
    answer(word, answer) {
      instead = { word, answer }
    },
    mend() {
      state = 'open'
      instead = undefined
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      cut()
      await closed
    },
  }
}
