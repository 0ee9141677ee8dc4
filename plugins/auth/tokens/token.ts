import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A token as its bearer has it, and what of it is kept. */
export interface NewToken {
  readonly id: string
  readonly token: string
  readonly hash: string
}

/** `ops_3f9c02ab71_…`: a name to find it by, 256 random bits to know it by. The log redacts what looks like it. */
export function newToken(): NewToken {
  const id = randomBytes(5).toString('hex')
  const token = `ops_${id}_${randomBytes(32).toString('base64url')}`
  return { id, token, hash: hashOf(token) }
}

/** @returns the id in a token; undefined for what is none */
export function idIn(token: string): string | undefined {
  return /^ops_([0-9a-f]{10})_[A-Za-z0-9_-]{43}$/.exec(token)?.[1]
}

/** In constant time. */
export function isSame(token: string, hash: string): boolean {
  const kept = Buffer.from(hash, 'hex')
  const given = Buffer.from(hashOf(token), 'hex')
  return kept.byteLength === given.byteLength && timingSafeEqual(kept, given)
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
