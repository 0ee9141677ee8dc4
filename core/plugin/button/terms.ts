import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Button } from '../run/content.ts'

/** What a button carries: its action's data, and what has to hold when it is pressed. */
export interface ButtonPayload {
  readonly data: unknown
  /** Unix seconds. */
  readonly expiresAt?: number | undefined
  /** Of what the button was made for, as it was then. */
  readonly fingerprint?: string | undefined
}

/** Data are objects, so a list is data with terms; 0: for as long as buttons work at all. */
const termsShape = z.union([
  z.tuple([z.unknown(), z.int()]),
  z.tuple([z.unknown(), z.int(), z.string()]),
])

/** What is signed or kept for a button; undefined when there is nothing. */
export function payloadOf({ data, expiresAt, fingerprint }: Button): unknown {
  if (fingerprint !== undefined) return [data, expiresAt ?? 0, fingerprint]
  if (expiresAt !== undefined) return [data, expiresAt]
  return Object.keys(data).length === 0 ? undefined : data
}

/** The same read again: it was signed or kept by us. */
export function readPayload(payload: unknown): ButtonPayload {
  const parsed = termsShape.safeParse(payload)
  if (!parsed.success) return { data: payload }
  const [data, expiresAt, fingerprint] = parsed.data
  return { data, fingerprint, ...(expiresAt === 0 ? {} : { expiresAt }) }
}

/** Short, as it travels in buttons: another state has the same one in a case of 16 millions. */
export function fingerprintOf(state: string | number): string {
  return createHash('sha256').update(String(state)).digest('base64url').slice(0, 4)
}
