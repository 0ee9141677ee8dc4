import { OpsError } from '../../errors.ts'
import type { HttpOptions } from './call.ts'

/** @throws OPS_API_ADDRESS for what is no address of http */
export function urlOf(address: string | URL, query: HttpOptions['query'] = {}): URL {
  if (!URL.canParse(String(address))) {
    throw new OpsError('OPS_API_ADDRESS', 'What was to be called is no address')
  }
  const url = new URL(address)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OpsError('OPS_API_ADDRESS', `${url.protocol} can't be called`)
  }
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.append(name, String(value))
  }
  return url
}

/** What is sent, and the headers that say what it is. */
export function contentOf({ json, body, headers = {} }: HttpOptions) {
  const named = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  if (json === undefined) return { body, headers: named }
  const type = { 'content-type': 'application/json', accept: 'application/json' }
  return { body: JSON.stringify(json), headers: { ...type, ...named } }
}

/** Name and password in an address are meant for the header. */
export function basicAuth({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}
