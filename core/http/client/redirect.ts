import { OpsError } from '../../errors.ts'
import type { Incoming } from './exchange.ts'

/** Where an answer leads to. @throws OPS_API_REDIRECT */
export function redirectOf({ status, headers }: Incoming, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined
  const { location } = headers
  if (location === undefined) return undefined
  if (!URL.canParse(location, from.href)) {
    throw new OpsError('OPS_API_REDIRECT', `${from.host} redirects to what is no address`)
  }
  return new URL(location, from)
}

/** Headers that say which answer is wanted, and of what kind the body is: no secret is among them. */
const harmless = /^(accept(-.+)?|cache-control|content-(type|language)|if-.+|range|user-agent)$/i

/** What is meant for one host must not reach another; of a header of the service's own nobody knows what it is. */
export function withoutSecrets(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.test(name)))
}
