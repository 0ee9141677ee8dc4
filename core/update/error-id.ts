import { randomInt } from 'node:crypto'

// without letters and digits that people mix up when they read them out
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

/** A short id that a person can read out: `E-7K3QX`. The same one is in the log and the inbox. */
export function newErrorId(): string {
  return `E-${Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('')}`
}
