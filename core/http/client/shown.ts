import { isSecretName, type Redactor, redacted } from '../../log/redact.ts'

/** An address as it may be shown: without passwords, what is named or looks like a secret, and secrets that we know. */
export function shownUrl(url: URL, redact: Redactor): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  shown.hash = ''
  shown.pathname = shown.pathname.split('/').map(withoutKey).join('/')
  for (const name of [...shown.searchParams.keys()]) {
    if (isSecretName(name) || /key|sig/i.test(name)) shown.searchParams.set(name, redacted)
  }
  return redact(shown.href).slice(0, 1_000)
}

/** Letters and digits, mixed, that nobody would write: Slack, Discord and Teams have the key to a webhook in its path. */
function withoutKey(segment: string): string {
  const runs = segment.match(/[A-Za-z0-9]{20,}/g) ?? []
  return runs.some((run) => /\d/.test(run) && /[A-Za-z]/.test(run)) ? redacted : segment
}
