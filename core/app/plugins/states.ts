import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { codeOf, messageOf } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { PluginStatus } from '../../plugin/catalog/plugins.ts'
import type { ReloadEvents } from '../../plugin/reload/events.ts'
import type { Reloader } from '../../plugin/reload/reloader.ts'

/** How a plugin stood when it was written down; texts hold no secrets. */
const knownPlugin = z.object({
  name: z.string(),
  state: z.string(),
  since: z.coerce.date(),
  version: z.string().optional(),
  waitingFor: z.array(z.string()).optional(),
  quarantine: z.object({ code: z.string(), errorId: z.string() }).optional(),
  lastReload: z
    .object({
      ok: z.boolean(),
      at: z.coerce.date(),
      code: z.string().optional(),
      message: z.string().optional(),
    })
    .optional(),
})

const knownStates = z.object({
  format: z.literal(1),
  /** Process that wrote it. */
  pid: z.number().int(),
  at: z.coerce.date(),
  /** Not set any more by a process that has stopped in order. */
  running: z.boolean(),
  plugins: z.array(knownPlugin),
})

export type KnownStates = z.infer<typeof knownStates>

const fileName = 'plugins.json'

/** A storm of saves is written down once. */
const quietMs = 100

/**
 * Writes down in DATA_DIR how plugins stand, whenever it changes: `opsgram doctor` reads it, since a running bot
 * holds the embedded database and answers no questions from outside of Telegram.
 */
export function keepStates(parts: { dir: string; reloader: Reloader; log: Logger }): {
  close(): Promise<void>
} {
  const { dir, reloader, log } = parts
  const write = async (running: boolean): Promise<void> => {
    const plugins = reloader.list().map(described)
    const states = { format: 1, pid: process.pid, at: new Date(), running, plugins }
    try {
      await mkdir(dir, { recursive: true })
      const file = join(dir, fileName)
      // the last one is written while the process ends; and a reader never sees a half
      writeFileSync(`${file}.${process.pid}`, JSON.stringify(states), { mode: 0o600 })
      renameSync(`${file}.${process.pid}`, file)
    } catch (error) {
      log.warn('plugin.states-not-written', { error })
    }
  }
  let timer: NodeJS.Timeout | undefined
  const changed = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      void write(true)
    }, quietMs).unref()
  }
  const events = ['committed', 'aborted', 'quarantined', 'forgotten'] as const
  for (const event of events satisfies readonly (keyof ReloadEvents)[]) {
    reloader.events.on(event, changed)
  }
  return {
    async close() {
      for (const event of events) reloader.events.off(event, changed)
      clearTimeout(timer)
      await write(false)
    },
  }
}

function described(status: PluginStatus): z.input<typeof knownPlugin> {
  const { name, state, since, version, waitingFor, quarantine, lastReload } = status
  return {
    name,
    state,
    since,
    version,
    ...(waitingFor && { waitingFor: [...waitingFor] }),
    quarantine,
    ...(lastReload && {
      lastReload: {
        ok: lastReload.ok,
        at: lastReload.at,
        code: lastReload.code,
        message: lastReload.message,
      },
    }),
  }
}

/** What the last process wrote down. @returns undefined when there is nothing, a text when it can't be read */
export function readStates(dir: string): KnownStates | string | undefined {
  try {
    return knownStates.parse(JSON.parse(readFileSync(join(dir, fileName), 'utf8')))
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? undefined : messageOf(error)
  }
}
