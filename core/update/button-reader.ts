import { z } from 'zod'
import { cardOwner } from '../card/post.ts'
import type { ButtonStore } from '../plugin/button/store.ts'
import { readPayload } from '../plugin/button/terms.ts'
import type { PluginInstance } from '../plugin/generation/instance.ts'
import type { ActionRoute } from '../plugin/generation/routes.ts'
import type { UpdateRun } from '../plugin/run/run.ts'
import type { CallbackCodec } from '../telegram/callback.ts'
import { confirmPayload } from './confirmation/confirmations.ts'
import { type DialogButton, readDialogButton } from './dialog/keyboard.ts'
import { actionRoute } from './router.ts'

export type ReadButton =
  /** Of a card of the core's own. */
  | { kind: 'card'; card: number; version: number; action: string }
  /** The answer to the question of a dangerous command. */
  | { kind: 'confirmation'; id: string; answer: 'yes' | 'no' }
  /** Under the question of a dialog. */
  | ({ kind: 'dialog' } & DialogButton)
  | { kind: 'action'; route: ActionRoute; data: unknown; fingerprint: string | undefined }
  /** Not one of ours: a Telegraf middleware may know it. */
  | { kind: 'foreign' }
  /** `presser`: it was made for somebody else. */
  | { kind: 'refused'; reason: 'stale' | 'presser' }

const stale: ReadButton = { kind: 'refused', reason: 'stale' }
const forSomebodyElse: ReadButton = { kind: 'refused', reason: 'presser' }

/** Finds what a pressed button means, and whether this person may press it. */
export class ButtonReader {
  readonly #codec: CallbackCodec
  readonly #store: ButtonStore

  constructor({ codec, store }: { codec: CallbackCodec; store: ButtonStore }) {
    this.#codec = codec
    this.#store = store
  }

  /** What a press says that it is, unproven. */
  claimed({ routes }: UpdateRun, pressed: string): ActionRoute | undefined {
    const [version, plugin = '', action = ''] = pressed.split(':')
    return version === 'v1' ? actionRoute(routes, plugin, action) : undefined
  }

  /** The plugin that a press says it is of, unproven, also where it is switched off in the chat. */
  owner({ generation }: UpdateRun, pressed: string): PluginInstance | undefined {
    const [version, plugin = '', action = ''] = pressed.split(':')
    return version === 'v1' ? actionRoute(generation.routes, plugin, action)?.instance : undefined
  }

  /** Whether a press says that it is of a card of the core's own, unproven: it is read as that or not at all. */
  claimsCard(pressed: string): boolean {
    const [version, plugin] = pressed.split(':')
    return version === 'v1' && plugin === cardOwner
  }

  async read(run: UpdateRun, pressed: string): Promise<ReadButton> {
    // of strangers too: they press what is open to everyone
    const presser = run.facts.userId
    if (presser === undefined) return stale
    const button = this.#codec.decode(pressed, presser)
    if (button.kind === 'foreign') return { kind: 'foreign' }
    if (button.kind === 'invalid') return button.reason === 'presser' ? forSomebodyElse : stale
    const { plugin, action } = button
    if (plugin === cardOwner) {
      const payload = button.kind === 'inline' ? button.payload : undefined
      const dialog = readDialogButton(action, payload)
      if (dialog !== undefined) return { kind: 'dialog', ...dialog }
      return confirmationOf(action, button) ?? cardOf(action, button)
    }
    const route = actionRoute(run.routes, plugin, action)
    if (route === undefined) return stale
    if (button.kind === 'inline') return parse(run, route, button.payload)
    const kept = await this.#store.find(button.id)
    // the id travels unsigned: it opens only what was kept under these very names
    if (kept === undefined || kept.plugin !== plugin || kept.action !== action) return stale
    if (kept.presser !== undefined && kept.presser !== presser) return forSomebodyElse
    return parse(run, route, kept.data)
  }
}

/** Names a card and the version of it that was pressed; it is signed, and bound to the owner whose chat it is in. */
const cardPayload = z.tuple([z.int(), z.int()])

function confirmationOf(
  action: string,
  button: { kind: string; payload?: unknown },
): ReadButton | undefined {
  if (action !== 'yes' && action !== 'no') return undefined
  const parsed = button.kind === 'inline' ? confirmPayload.safeParse(button.payload) : undefined
  return parsed?.success === true
    ? { kind: 'confirmation', id: parsed.data.id, answer: action }
    : undefined
}

function cardOf(action: string, button: { kind: string; payload?: unknown }): ReadButton {
  const parsed = button.kind === 'inline' ? cardPayload.safeParse(button.payload) : undefined
  if (parsed?.success !== true) return stale
  const [card, version] = parsed.data
  return { kind: 'card', card, version, action }
}

/** A reload may have changed what the action carries: what no longer fits is out of date. */
function parse(run: UpdateRun, route: ActionRoute, payload: unknown): ReadButton {
  const { data, expiresAt, fingerprint } = readPayload(payload)
  if (expiresAt !== undefined && run.clock.now() >= expiresAt * 1_000) return stale
  // it can't be told any more what it was made for
  if (route.action.fingerprint !== undefined && fingerprint === undefined) return stale
  if (route.action.data === undefined) return { kind: 'action', route, data: {}, fingerprint }
  const parsed = route.action.data.safeParse(data ?? {})
  return parsed.success ? { kind: 'action', route, data: parsed.data, fingerprint } : stale
}
