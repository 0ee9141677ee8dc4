import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The token all tests here use; no error may ever hold it. */
export const token = '123456:AAsecret-Secret_secret'

export interface ReceivedCall {
  readonly method: string
  readonly path: string
  /** Parsed JSON body; for multipart see `raw`. */
  readonly payload: Record<string, unknown>
  readonly raw: Buffer
  readonly contentType: string
  readonly at: number
}

/** `result`s are wrapped in a Bot API answer; a function writes the answer itself. */
type Reply =
  | { result: unknown }
  | { error: number; description?: string; parameters?: object }
  | 'hang'
  | 'reset'
  | ((response: ServerResponse, request: IncomingMessage) => void)

type Script = (call: ReceivedCall, count: number) => Reply | Promise<Reply>

/** An HTTP server on loopback that answers each call as the test's script says. */
export async function startApi(script: Script) {
  const calls: ReceivedCall[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const raw = Buffer.concat(chunks)
      const path = request.url ?? ''
      const contentType = request.headers['content-type'] ?? ''
      const call: ReceivedCall = {
        method: path.split('/').at(-1) ?? '',
        path,
        payload: contentType.includes('json') ? JSON.parse(raw.toString()) : {},
        raw,
        contentType,
        at: performance.now(),
      }
      calls.push(call)
      const count = calls.filter(({ method }) => method === call.method).length
      const reply = await script(call, count)
      if (reply === 'hang') return
      if (reply === 'reset') request.socket.resetAndDestroy()
      else if (typeof reply === 'function') reply(response, request)
      else {
        const body =
          'error' in reply
            ? { ok: false, error_code: reply.error, description: 'Refused', ...reply }
            : { ok: true, result: reply.result }
        response.writeHead('error' in reply ? reply.error : 200, {
          'content-type': 'application/json',
        })
        response.end(JSON.stringify(body))
      }
    })().catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    root: `http://127.0.0.1:${port}`,
    calls,
    of: (method: string) => calls.filter((call) => call.method === method),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export type TestApi = Awaited<ReturnType<typeof startApi>>

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not reject')
}
