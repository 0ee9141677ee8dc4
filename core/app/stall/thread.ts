// A thread beside the bot's: it goes on when the event loop stands still. Nothing of the core but types and names is
// loaded here, as it lives as long as the process does.
import { mkdirSync, writeFileSync, writeSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { recordFile, type StallRecord, type StallWatch, slots } from './protocol.ts'

const { shared, limitMs, beatMs, dir } = workerData as StallWatch
const state = new Int32Array(shared)
/** How long the engine has to say where it is, ms. */
const placeMs = 2_000

let lastBeat = -1
/**
 * Counted and not measured: a process that was stopped (SIGSTOP, a suspended machine) missed time, but this thread missed it too.
 */
let missed = 0

setInterval(() => {
  const beat = Atomics.load(state, slots.beat)
  const isMeant = [slots.debugged, slots.aside].some((slot) => Atomics.load(state, slot) === 1)
  if (beat !== lastBeat || isMeant) {
    lastBeat = beat
    missed = 0
    return
  }
  missed++
  if (missed * beatMs < limitMs) return
  judge(missed * beatMs)
  missed = 0
}, beatMs)

/** Stops the bot's thread where it is, tells of the place, and ends the process. */
function judge(ms: number): void {
  const session = new Session()
  session.connectToMainThread()
  const giveUp = setTimeout(() => endProcess(ms, {}), placeMs)
  /** By the script's id: what code made by `new Function` calls itself is told here alone. */
  const names = new Map<string, string>()
  session.on('Debugger.scriptParsed', ({ params }) => names.set(params.scriptId, params.url))
  session.once('Debugger.paused', ({ params }) => {
    clearTimeout(giveUp)
    const frames = params.callFrames.map(({ functionName, location }) => ({
      script: names.get(location.scriptId) ?? '',
      functionName,
      ...location,
    }))
    const hasGoneOn = Atomics.load(state, slots.beat) !== lastBeat
    // the embedded database works in the bot's thread, and comes to an end
    if (hasGoneOn || frames[0]?.script.startsWith('wasm:')) {
      session.post('Debugger.resume')
      session.disconnect()
      return
    }
    // a plugin's own, if there is one: it may have called something that never comes back
    const frame = frames.find(({ script }) => pluginOf(script) !== undefined) ?? frames[0]
    if (frame === undefined) return endProcess(ms, {})
    const { scriptId } = frame
    session.post('Debugger.getScriptSource', { scriptId }, (error, source) =>
      endProcess(ms, placeOf(frame, error === null ? source.scriptSource : '')),
    )
  })
  session.post('Debugger.enable')
  session.post('Debugger.pause')
}

interface Frame {
  /** Its name or address. */
  readonly script: string
  readonly functionName: string
  /** From 0. */
  readonly lineNumber: number
}

function pluginOf(script: string): string | undefined {
  return /^opsgram-plugin:([^@]+)@/.exec(script)?.[1]
}

type Place = Omit<StallRecord, 'at' | 'ms'>

function placeOf({ script, functionName, lineNumber }: Frame, source: string): Place {
  const lines = source.split('\n')
  const plugin = pluginOf(script)
  // esbuild puts the file's name above what it took from it
  const named = lines
    .slice(0, lineNumber)
    .findLast((line) => /^\s*\/\/ \S+\.[cm]?[jt]sx?$/.test(line))
  const file = plugin === undefined ? script : named?.trim().slice(3)
  const code = lines[lineNumber]?.trim().slice(0, 200)
  return {
    ...(plugin !== undefined && { plugin }),
    ...(file !== undefined && file !== '' && { file }),
    ...(functionName !== '' && { function: functionName }),
    ...(code !== undefined && code !== '' && { code }),
  }
}

function endProcess(ms: number, place: Place): void {
  const record: StallRecord = { at: new Date().toISOString(), ms, ...place }
  const { plugin, file, code } = place
  const where = [plugin === undefined ? undefined : `plugin ${plugin}`, file].filter(Boolean)
  attempt(() => {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, recordFile), JSON.stringify(record), { mode: 0o600 })
  })
  const seconds = Math.round(ms / 1_000)
  const text = `OPS_STALLED: Nothing went on for ${seconds} s, as code without an end runs in ${where.join(', ') || 'an unknown place'}`
  const line = code === undefined ? '' : `: ${code}`
  attempt(() =>
    writeSync(2, `${text}${line}\n  → Mend it and start the bot again. No update is lost.\n`),
  )
  process.kill(process.pid, 'SIGKILL')
}

function attempt(work: () => void): void {
  try {
    work()
  } catch {
    // the process ends either way, and there is nobody left to be told
  }
}
