import type { Queries } from '../database/connection.ts'
import type { ActionRoute } from '../plugin/routes.ts'
import type { UpdateRun } from '../plugin/run.ts'
import type { CallbackCodec } from '../telegram/callback.ts'
import { actionRoute } from './router.ts'

export type ReadButton =
  | { kind: 'action'; route: ActionRoute; data: unknown }
  /** Not one of ours: a Telegraf middleware may know it. */
  | { kind: 'foreign' }
  /** `presser`: it was made for somebody else. */
  | { kind: 'refused'; reason: 'stale' | 'presser' }

interface StoredPayload {
  plugin: string
  action: string
  data: unknown
  presser: number | string | null
  expired: boolean
}

const stale: ReadButton = { kind: 'refused', reason: 'stale' }

/** Finds what a pressed button means, and whether this person may press it. */
export class ButtonReader {
  readonly #codec: CallbackCodec
  readonly #database: Queries

  constructor(options: { codec: CallbackCodec; database: Queries }) {
    this.#codec = options.codec
    this.#database = options.database
  }

  async read(run: UpdateRun, pressed: string): Promise<ReadButton> {
    const presser = run.user.telegramId
    const button = this.#codec.decode(pressed, presser)
    if (button.kind === 'foreign') return { kind: 'foreign' }
    if (button.kind === 'invalid') {
      return { kind: 'refused', reason: button.reason === 'presser' ? 'presser' : 'stale' }
    }
    const route = actionRoute(run.generation.routes, button.plugin, button.action)
    if (route === undefined) return stale
    if (button.kind === 'inline') return parse(route, button.payload)
    const [stored] = await this.#database.query<StoredPayload>(
      `select plugin, action, data, presser, expires_at < now() as expired
       from button_payloads where id = $1`,
      [button.id],
    )
    if (stored === undefined || stored.expired) return stale
    // the id travels unsigned: it opens only what was kept under these very names
    if (stored.plugin !== button.plugin || stored.action !== button.action) return stale
    if (stored.presser !== null && Number(stored.presser) !== presser) {
      return { kind: 'refused', reason: 'presser' }
    }
    return parse(route, stored.data)
  }
}

/** A reload may have changed what the action carries: what no longer fits is out of date. */
function parse(route: ActionRoute, payload: unknown): ReadButton {
  if (route.action.data === undefined) return { kind: 'action', route, data: {} }
  const parsed = route.action.data.safeParse(payload ?? {})
  return parsed.success ? { kind: 'action', route, data: parsed.data } : stale
}
