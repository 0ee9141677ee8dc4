/**
 * A link as Telegram keeps it, or undefined where it would refuse it: only http, https, tg and ton,
 * and a host with a dot (so no `http://localhost`). Source: tdlib, LinkManager::check_link.
 */
export function checkedLink(link: string): string | undefined {
  const text = link.trim()
  if (text === '') return undefined
  if (/^(tg|ton):/i.test(text)) return text
  let url: URL
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  } catch {
    return undefined
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined
  if (!url.hostname.includes('.') && !url.hostname.startsWith('[')) return undefined
  return url.href
}

/** The person a `tg://user?id=…` link points to. */
export function linkedUserId(link: string): number | undefined {
  const id = /^tg:(?:\/\/)?user\?id=(\d+)$/i.exec(link.trim())?.[1]
  return id === undefined ? undefined : Number(id)
}
