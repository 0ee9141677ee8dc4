import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What stands before several instances: each connection goes to the next one that takes it. */
export class Balancer {
  readonly port: number
  readonly #server: Server
  readonly #targets = new Set<number>()
  readonly #open = new Set<Socket>()
  #turn = 0

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
    server.on('connection', (client) => this.#take(client))
  }

  static async start(): Promise<Balancer> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('it has no port')
    return new Balancer(server, address.port)
  }

  /** @param port of an instance that is ready */
  add(port: number): void {
    this.#targets.add(port)
  }

  remove(port: number): void {
    this.#targets.delete(port)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #take(client: Socket): void {
    client.on('error', () => undefined)
    const ports = [...this.#targets]
    const from = this.#turn++
    this.#try(
      client,
      ports.map((_, index) => ports[(from + index) % ports.length] ?? 0),
    )
  }

  #try(client: Socket, [port, ...others]: readonly number[]): void {
    if (port === undefined) {
      client.destroy()
      return
    }
    const there = connect({ port, host: '127.0.0.1' })
    let isConnected = false
    there.once('connect', () => {
      isConnected = true
      for (const [socket, other] of [
        [client, there],
        [there, client],
      ] as const) {
        this.#open.add(socket)
        socket.once('close', () => {
          this.#open.delete(socket)
          other.destroy()
        })
      }
      client.pipe(there)
      there.pipe(client)
    })
    there.on('error', () => {
      if (!isConnected) this.#try(client, others)
    })
  }
}
