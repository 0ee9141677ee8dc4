import { maskSecrets } from '../../config/secret.ts'

/** Takes secrets out of a text. */
export type Redactor = (text: string) => string

/** What stands in place of a secret. */
export const redacted = '***'

const authorization =
  /(authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:(?:bearer|basic|digest|token)\s{1,4})?)[^\s"',;]+/gi
const bearer = /\b(bearer\s{1,4})[A-Za-z0-9._~+/=-]{16,}/gi
const assignment =
  /\b([a-z0-9_-]{0,40}(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key)(?:=|["']\s{0,4}:\s{0,4}["']))[^\s&"',;]+/gi

/** As people write it to each other; `token: …` is left out, because programs report errors like that. */
const spoken = /((?:password|passwd|passphrase|парол[ья])\s{0,4}(?:[:=]|\s[-–—]\s)\s{0,4})[^\s]+/giu
/** Of our own HTTP API; the id in front may stay, it finds the row. */
const apiToken = /\b(ops_[0-9a-f]{10}_)[A-Za-z0-9_-]{20,}/g
// the end may be missing: a text that was cut off holds half a key
const privateKey =
  /-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----[A-Za-z0-9+/=\s:,.-]{0,20000}?(?:-----END \1-----|$)/g

/** What each of the patterns needs, asked first: most texts have none of it. */
const suspicious = /[:=]|%3a|bearer\s|ops_|\s[-–—]\s|-----BEGIN/i

/**
 * A text without what looks like a secret: bot tokens (also inside URLs), passwords of URLs,
 * `Authorization` headers, bearer tokens, private keys, `password: …` as people write it, and
 * `password=…`, `token=…`, `"secret":"…"` of any spelling.
 */
export function redactText(text: string): string {
  if (!suspicious.test(text)) return text
  return maskSecrets(text)
    .replace(authorization, `$1${redacted}`)
    .replace(apiToken, `$1${redacted}`)
    .replace(bearer, `$1${redacted}`)
    .replace(assignment, `$1${redacted}`)
    .replace(spoken, `$1${redacted}`)
    .replace(privateKey, `-----BEGIN $1-----${redacted}`)
}

/** `redactText`, and these very values wherever they stand, also percent-encoded. */
export function createRedactor(secrets: Iterable<string>): Redactor {
  const values = new Set<string>()
  for (const secret of secrets) {
    if (secret === '') continue
    values.add(secret)
    values.add(encodeURIComponent(secret))
  }
  // a secret that holds another one goes first, or its rest would stay
  const longestFirst = [...values].sort((a, b) => b.length - a.length)
  return (text) =>
    redactText(longestFirst.reduce((rest, value) => rest.replaceAll(value, redacted), text))
}

const secretName =
  /(password|passwd|passphrase|secret|token|apikey|privatekey|authorization|cookie|credential)s?$/
const wholeNames: ReadonlySet<string> = new Set(['pass', 'pwd', 'auth'])

/** Whether a field of this name holds a secret, in any spelling: `botToken`, `API_KEY`, `set-cookie`. */
export function isSecretName(name: string): boolean {
  const plain = name.replace(/[_\-\s]/g, '').toLowerCase()
  return wholeNames.has(plain) || secretName.test(plain)
}
