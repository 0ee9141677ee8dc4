import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { OpsError } from '../../errors.ts'

/** A request to a hook, as a verifier sees it. */
export interface HookRequest {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** As it came, to the byte. */
  readonly body: Buffer
  /** Each of them is accepted: two while one replaces the other. Never empty. */
  readonly secrets: readonly string[]
  /** ms since 1970. */
  readonly now: number
}

/** What is known of a request that is who it says it is. */
export interface Verified {
  /** The sender's own id of this delivery: the same when it is sent again. */
  readonly delivery?: string | undefined
  /**
   * What only the holder of the secret can have made of what was sent: the signature itself. Where `delivery` is not signed, whoever
   * listened in could send the same again under another one.
   */
  readonly signature?: string | undefined
}

/** What has to be proved, the strongest first. */
export const hookProofs = ['signed with a time', 'signed', 'bearer'] as const
export type HookProof = (typeof hookProofs)[number]

/** Says whether a request is from who holds the secret. @returns undefined when it isn't */
export interface HookVerifier {
  readonly kind: 'verifier'
  /** Whether the body is signed, with a time or without, or a secret is sent along; absent: it says nothing about that. */
  readonly proof?: HookProof
  verify(request: HookRequest): Verified | undefined
}

export interface HmacOptions {
  /** What stands before the signature: `sha256=`. */
  readonly prefix?: string
  /** Default `hex`. */
  readonly encoding?: 'hex' | 'base64'
  /** The header with the sender's own id of a delivery, if it has one. */
  readonly delivery?: string
  /**
   * The header with the time of sending, Unix seconds, which is signed together with the body: `time`, `separator` (default `:`), body.
   * What is off by more than `toleranceS` (default and at most 300) is refused.
   */
  readonly timestamp?: {
    readonly header: string
    readonly separator?: string
    readonly toleranceS?: number
  }
}

/** Of the past and of the future: together no longer than what was taken is remembered for. */
const toleranceS = 300

/**
 * A signature of the body in a header: NetBox, GitHub, Zammad, Grafana and most others.
 *
 * @throws OPS_PLUGIN_MANIFEST for a `toleranceS` above 300
 */
export function hmac(
  algorithm: 'sha1' | 'sha256' | 'sha512',
  header: string,
  { prefix = '', encoding = 'hex', delivery, timestamp }: HmacOptions = {},
): HookVerifier {
  if ((timestamp?.toleranceS ?? 0) > toleranceS) {
    throw new OpsError(
      'OPS_PLUGIN_MANIFEST',
      `hmac accepts a toleranceS of ${timestamp?.toleranceS}: it may be at most ${toleranceS}, or what was taken could be sent again`,
    )
  }
  return {
    kind: 'verifier',
    proof: timestamp === undefined ? 'signed' : 'signed with a time',
    verify({ headers, body, secrets, now }) {
      const given = headers[header.toLowerCase()]
      if (given === undefined || !given.startsWith(prefix)) return undefined
      const signature = Buffer.from(given.slice(prefix.length), encoding)
      const signed = [body]
      if (timestamp !== undefined) {
        const time = headers[timestamp.header.toLowerCase()] ?? ''
        if (!isTimely(time, now, timestamp.toleranceS)) return undefined
        signed.unshift(Buffer.from(`${time}${timestamp.separator ?? ':'}`))
      }
      const isSigned = secrets.some((secret) => {
        const mac = createHmac(algorithm, secret)
        for (const part of signed) mac.update(part)
        return isSame(mac.digest(), signature)
      })
      if (!isSigned) return undefined
      return {
        delivery: delivery === undefined ? undefined : headers[delivery.toLowerCase()],
        // as bytes: `AB` and `ab` are the same
        signature: signature.toString('base64url'),
      }
    },
  }
}

/** `Authorization: Bearer SECRET`: Alertmanager, Uptime Kuma, Zabbix. */
export function bearer(): HookVerifier {
  return {
    kind: 'verifier',
    proof: 'bearer',
    verify({ headers, secrets }) {
      const given = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
      if (given === undefined) return undefined
      // digests are of one length, whatever was given
      const isKnown = secrets.some((secret) => isSame(digest(secret), digest(given)))
      return isKnown ? {} : undefined
    },
  }
}

/** Standard Webhooks (standardwebhooks.com): id, time and body signed, secrets `whsec_…`. */
export function standardWebhook(): HookVerifier {
  return {
    kind: 'verifier',
    proof: 'signed with a time',
    verify({ headers, body, secrets, now }) {
      const id = headers['webhook-id']
      const time = headers['webhook-timestamp'] ?? ''
      if (id === undefined || !isTimely(time, now)) return undefined
      const given = (headers['webhook-signature'] ?? '')
        .split(' ')
        .filter((part) => part.startsWith('v1,'))
        .map((part) => Buffer.from(part.slice(3), 'base64'))
      const isSigned = secrets.some((secret) => {
        const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
        // what holds no key, everybody could sign with
        if (key.byteLength === 0) return false
        const mac = createHmac('sha256', key).update(`${id}.${time}.`).update(body).digest()
        return given.some((signature) => isSame(mac, signature))
      })
      return isSigned ? { delivery: id } : undefined
    },
  }
}

function isTimely(time: string, now: number, tolerance = toleranceS): boolean {
  return /^\d{1,12}$/.test(time) && Math.abs(now / 1_000 - Number(time)) <= tolerance
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
