// A child of the benchmarks of polling: a Bot API that takes a while for each message, and does as little as it can, so
// that it isn't what is measured.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What its parent asks for: so many commands of so many people, all at once or so many a second. */
export interface Push {
  readonly count: number
  readonly people: number
  readonly perSecond?: number
  /** Also one command whose handler takes 5 s, so often and of somebody else, ms. */
  readonly slowEveryMs?: number
}

/** What became of them, once each was answered; ms. */
export interface Pushed {
  readonly ms: number
  /** From handing an update out to the arrival of its answer. */
  readonly latencies: readonly number[]
  /** From its arrival at Telegram, where it may wait to be asked for. */
  readonly waits: readonly number[]
}

const sendMs = 50
const longPollMs = 20_000
const batch = 100
/** Ids of people, above those of all others. */
const firstSlow = 1_000_000

interface Waiting {
  readonly id: number
  readonly json: string
}

let nextId = 1
let queue: Waiting[] = []
let poll: { readonly response: ServerResponse; readonly timer: NodeJS.Timeout } | undefined
const handedOut = new Map<number, number[]>()
let expected = 0
let latencies: number[] = []
let waits: number[] = []
const arrived = new Map<number, number>()
let began = 0
let slowTimer: NodeJS.Timeout | undefined

const me = {
  id: 42,
  is_bot: true,
  first_name: 'Bench',
  username: 'bench_bot',
  can_join_groups: true,
  can_read_all_group_messages: false,
  supports_inline_queries: false,
}

function answer(response: ServerResponse, result: string): void {
  const body = `{"ok":true,"result":${result}}`
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}

function updateOf(id: number, person: number, text = '/echo'): string {
  const from = { id: person, is_bot: false, first_name: 'Person' }
  return JSON.stringify({
    update_id: id,
    message: {
      message_id: id,
      date: Math.floor(Date.now() / 1000),
      from,
      chat: { id: person, type: 'private', first_name: 'Person' },
      text,
      entities: [{ type: 'bot_command', offset: 0, length: text.length }],
    },
  })
}

function handOut(): void {
  if (poll === undefined || queue.length === 0) return
  const { response, timer } = poll
  poll = undefined
  clearTimeout(timer)
  const given = queue.slice(0, batch)
  const now = performance.now()
  for (const { id } of given) if (!handedOut.has(id)) handedOut.set(id, [now])
  answer(response, `[${given.map(({ json }) => json).join(',')}]`)
}

const personOf = new Map<number, number[]>()

function getUpdates(parameters: Record<string, unknown>, response: ServerResponse): void {
  const offset = Number(parameters.offset ?? 0)
  if (offset > 0) queue = queue.filter(({ id }) => id >= offset)
  if (Number(parameters.timeout ?? 0) === 0 && queue.length === 0) {
    answer(response, '[]')
    return
  }
  poll?.response.destroy()
  const timer = setTimeout(() => {
    poll = undefined
    answer(response, '[]')
  }, longPollMs)
  poll = { response, timer }
  handOut()
}

function sendMessage(parameters: Record<string, unknown>, response: ServerResponse): void {
  const person = Number(parameters.chat_id)
  // a person's updates are answered in their order
  const id = personOf.get(person)?.shift()
  const [at] = (id === undefined ? undefined : handedOut.get(id)) ?? []
  if (at !== undefined) {
    const now = performance.now()
    latencies.push(now - at)
    waits.push(now - (arrived.get(id ?? 0) ?? at))
    if (latencies.length === expected) {
      clearInterval(slowTimer)
      process.send?.({ ms: now - began, latencies, waits } satisfies Pushed)
    }
  }
  const sent = `{"message_id":${nextId++},"date":1,"chat":{"id":${person},"type":"private"},"text":"pong"}`
  setTimeout(answer, sendMs, response, sent)
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const parameters: Record<string, unknown> = text.startsWith('{')
    ? JSON.parse(text)
    : Object.fromEntries(new URLSearchParams(text))
  const method = (request.url ?? '').split('/').at(-1)?.split('?')[0]
  if (method === 'getUpdates') getUpdates(parameters, response)
  else if (method === 'sendMessage') sendMessage(parameters, response)
  else answer(response, method === 'getMe' ? JSON.stringify(me) : 'true')
}

function push(first: number, count: number, people: number): void {
  const now = performance.now()
  for (let i = first; i < first + count; i++) {
    const id = nextId++
    arrived.set(id, now)
    const person = 1_000 + (i % people)
    personOf.set(person, [...(personOf.get(person) ?? []), id])
    queue.push({ id, json: updateOf(id, person) })
  }
  handOut()
}

/** Of somebody of whom nobody waits for the answer. */
function pushSlow(): void {
  const id = nextId++
  queue.push({ id, json: updateOf(id, firstSlow + id, '/slow') })
  handOut()
}

process.on('message', ({ count, people, perSecond, slowEveryMs }: Push) => {
  handedOut.clear()
  arrived.clear()
  waits = []
  personOf.clear()
  latencies = []
  expected = count
  began = performance.now()
  if (slowEveryMs !== undefined) {
    pushSlow()
    slowTimer = setInterval(pushSlow, slowEveryMs)
  }
  if (perSecond === undefined) return push(0, count, people)
  let pushed = 0
  const timer = setInterval(() => {
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1_000) * perSecond))
    if (due > pushed) push(pushed, due - pushed, people)
    pushed = due
    if (pushed === count) clearInterval(timer)
  }, 5)
})
process.on('disconnect', () => process.exit(0))
const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  serve(request, response).catch(() => response.destroy())
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
