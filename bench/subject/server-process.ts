import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** A loopback port that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}

/** A server of others that ends with this process, however that ends. */
export class ServerProcess {
  readonly #command: string
  readonly #args: readonly string[]
  readonly #options: SpawnOptions
  #child: ChildProcess | undefined
  #said = ''

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#command = command
    this.#args = args
    this.#options = options
  }

  /** @param answers whether it can be used @throws when it can't within a minute */
  async start(answers: () => Promise<boolean>): Promise<void> {
    const child = spawn(this.#command, this.#args, {
      ...this.#options,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const hear = (chunk: Buffer) => {
      this.#said = `${this.#said}${chunk}`.slice(-2_000)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    const endWithUs = () => child.kill('SIGKILL')
    process.once('exit', endWithUs)
    child.once('exit', () => process.off('exit', endWithUs))
    const deadline = performance.now() + 60_000
    while (!(await answers().catch(() => false))) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`${this.#command} does not answer: ${this.#said}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
}
