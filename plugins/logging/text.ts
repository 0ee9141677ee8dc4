import { redact } from 'opsgram'

/** Telegram's own limit of a message's text. */
const longest = 4096

/** A text as it may be kept: without secrets, and not longer than a message can be. */
export function keepable(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  // first without secrets: one that is cut in half isn't known as one any more
  const clean = redact(text)
  return clean.length > longest ? `${clean.slice(0, longest)}…` : clean
}
