import { timingSafeEqual } from 'node:crypto'

/** Longest that Telegram takes (Bot API, setWebhook). */
const longest = 256

/**
 * Whether a text is one of the secrets, in a time that tells nothing about them: what is given and each secret are laid
 * out at the same length, however long they are, and all of it is compared.
 */
export function secretCheck(secrets: readonly string[]): (given: unknown) => boolean {
  const known = secrets.map((secret) => laidOut(secret, Buffer.alloc(bytes)))
  const own = Buffer.alloc(bytes)
  return (given) => {
    if (typeof given !== 'string' || given.length > longest) return false
    laidOut(given, own)
    return known.reduce((found, secret) => timingSafeEqual(own, secret) || found, false)
  }
}

/** Up to four bytes a character, and two that tell how many characters there are. */
const bytes = 4 * longest + 2

function laidOut(text: string, buffer: Buffer): Buffer {
  buffer.fill(0)
  buffer.writeUInt16LE(text.length, bytes - 2)
  buffer.write(text)
  return buffer
}
