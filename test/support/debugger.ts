import { readFile } from 'node:fs/promises'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { until } from './wait.ts'

const parsedShape = z.object({ scriptId: z.string(), url: z.string(), sourceMapURL: z.string() })
const messageShape = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
})

/** A script as the program under the debugger has it. */
type Script = z.infer<typeof parsedShape>

/**
 * A debugger as editors have one: it knows scripts and their source maps, and sets breakpoints at lines of saved files.
 */
export class Debugger {
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (message: z.infer<typeof messageShape>) => void>()
  readonly scripts: Script[] = []
  /** Places where it stopped: file address and line from 1. */
  readonly stops: { url: string; line: number }[] = []
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#hear(String(data)))
  }

  /** @param url `ws://…`, as Node prints it */
  static async attach(url: string): Promise<Debugger> {
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', () => reject(new Error(`no debugger answers at ${url}`)))
    })
    const found = new Debugger(socket)
    await found.call('Debugger.enable')
    return found
  }

  /** Sets a breakpoint at a line, from 1, of a saved file, in the newest script that was made of it. */
  async breakAt(file: string, line: number): Promise<void> {
    const url = pathToFileURL(file).href
    const source = (await readFile(file, 'utf8')).split('\n')[line - 1] ?? ''
    const at = { line, column: source.length - source.trimStart().length }
    const [script, place] = await until(`a script of ${file}`, () => {
      for (const each of this.scripts.toReversed()) {
        const map = leadsTo(each, url) ? mapOf(each) : undefined
        const place = map && generatedPlace(map, url, at.line, at.column)
        if (place !== undefined) return [each, place] as const
      }
      return undefined
    })
    await this.call('Debugger.setBreakpoint', {
      location: { scriptId: script.scriptId, ...place },
    })
  }

  async call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#id
    const answer = new Promise<z.infer<typeof messageShape>>((resolve) =>
      this.#answers.set(id, resolve),
    )
    this.#socket.send(JSON.stringify({ id, method, params }))
    const { error, result } = await answer
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }

  detach(): void {
    this.#socket.close()
  }

  #hear(text: string): void {
    const message = messageShape.parse(JSON.parse(text))
    if (message.id !== undefined) this.#answers.get(message.id)?.(message)
    else if (message.method === 'Debugger.scriptParsed') {
      this.scripts.push(parsedShape.parse(message.params))
    } else if (message.method === 'Debugger.paused') {
      this.#stop(message.params)
    }
  }

  #stop(params: unknown): void {
    const location = z.object({
      scriptId: z.string(),
      lineNumber: z.number(),
      columnNumber: z.number(),
    })
    const [frame] = z
      .object({ callFrames: z.array(z.object({ location })) })
      .parse(params).callFrames
    const script = this.scripts.find(({ scriptId }) => scriptId === frame?.location.scriptId)
    const map = script && mapOf(script)
    if (frame === undefined || map === undefined) return
    const found = map.findEntry(frame.location.lineNumber, frame.location.columnNumber)
    if ('originalSource' in found && found.originalSource !== undefined) {
      this.stops.push({ url: found.originalSource, line: (found.originalLine ?? 0) + 1 })
    }
  }
}

function leadsTo(script: Script, source: string): boolean {
  return textOfMap(script)?.includes(JSON.stringify(source)) === true
}

function mapOf(script: Script): SourceMap | undefined {
  const text = textOfMap(script)
  if (text === undefined) return undefined
  const payload: SourceMapPayload = JSON.parse(text)
  return new SourceMap(payload)
}

function textOfMap({ url, sourceMapURL }: Script): string | undefined {
  const [, data] = /^data:application\/json;base64,(.+)$/.exec(sourceMapURL) ?? []
  if (data === undefined || !url.startsWith('opsgram-plugin:')) return undefined
  return Buffer.from(data, 'base64').toString()
}

/** Where a place of a saved file went: Node's class answers the other way round alone. */
function generatedPlace(map: SourceMap, url: string, line: number, column: number) {
  for (let lineNumber = 0; lineNumber < 10_000; lineNumber++) {
    for (let columnNumber = 0; columnNumber < 200; columnNumber++) {
      const entry = map.findEntry(lineNumber, columnNumber)
      if (!('originalSource' in entry) || entry.originalSource !== url) continue
      if (entry.originalLine === line - 1 && entry.originalColumn === column) {
        return { lineNumber: entry.generatedLine, columnNumber: entry.generatedColumn }
      }
    }
  }
  return undefined
}
