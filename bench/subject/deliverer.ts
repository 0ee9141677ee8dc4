import { connect, type Socket } from 'node:net'

/** What came of a series of updates. */
export interface Delivered {
  readonly perSecond: number
  /** Of each update, ms. */
  readonly latencies: readonly number[]
}

/** Sends updates as fast as they are answered, over connections that stay, in as few of its own cycles as it can. */
export class Deliverer {
  readonly #port: number
  readonly #secret: string
  readonly #connections: number
  #sockets: Socket[] = []
  #nextId = 1

  constructor(options: { port: number; secret: string; connections: number }) {
    this.#port = options.port
    this.#secret = options.secret
    this.#connections = options.connections
  }

  async send(count: number, chats: number): Promise<Delivered> {
    while (this.#sockets.length < this.#connections) {
      const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
      await new Promise((resolve, reject) => {
        socket.once('connect', resolve)
        socket.once('error', reject)
      })
      this.#sockets.push(socket)
    }
    const requests = Array.from({ length: count }, () => this.#request(chats))
    const latencies: number[] = []
    const began = performance.now()
    let next = 0
    await Promise.all(
      this.#sockets.map(async (socket) => {
        while (next < count) {
          const request = requests[next++] ?? ''
          const sent = performance.now()
          await exchange(socket, request)
          latencies.push(performance.now() - sent)
        }
      }),
    )
    return { perSecond: count / ((performance.now() - began) / 1_000), latencies }
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets = []
  }

  #request(chats: number): string {
    const id = this.#nextId++
    const chat = 1 + (id % chats)
    const body = JSON.stringify({
      update_id: id,
      message: {
        message_id: id,
        from: {
          id: chat,
          is_bot: false,
          first_name: 'Anna',
          username: 'anna',
          language_code: 'en',
        },
        chat: { id: chat, first_name: 'Anna', username: 'anna', type: 'private' },
        date: Math.floor(Date.now() / 1_000),
        text: '/echo hello world',
        entities: [{ offset: 0, length: 5, type: 'bot_command' }],
      },
    })
    return `POST /telegram/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Telegram-Bot-Api-Secret-Token: ${this.#secret}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  }
}

/** One request and its answer, which has no body. @throws when it is no 200 */
function exchange(socket: Socket, request: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let got = ''
    const onData = (chunk: Buffer) => {
      got += chunk.toString('latin1')
      if (!got.endsWith('\r\n\r\n')) return
      socket.off('data', onData)
      socket.off('close', onClose)
      if (got.startsWith('HTTP/1.1 200 ')) resolve()
      else reject(new Error(got))
    }
    const onClose = () => reject(new Error(`the connection was closed: ${got}`))
    socket.on('data', onData)
    socket.on('close', onClose)
    socket.write(request)
  })
}
