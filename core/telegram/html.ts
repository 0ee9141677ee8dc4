import { oneLine } from './width.ts'

/** Markup of Telegram's HTML style, ready to be sent with `parse_mode: 'HTML'`. Immutable. */
export class Html {
  readonly #markup: string

  /** Takes markup as it is; text from outside belongs into {@link html} or {@link escapeHtml}. */
  constructor(markup: string) {
    this.#markup = markup
    Object.freeze(this)
  }

  toString(): string {
    return this.#markup
  }

  toJSON(): string {
    return this.#markup
  }
}

/** What may stand in `${}` of the {@link html} tag. */
export type HtmlValue =
  | Html
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly HtmlValue[]

/**
 * Builds markup; what is interpolated can't break out of it: text and numbers are escaped, `Html` is
 * kept, arrays are joined, null, undefined and booleans leave nothing (so `cond && html\`…\`` works).
 * @example html`<b>${name}</b> is ${online ? 'up' : 'down'}`
 */
export function html(literals: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = literals[0] ?? ''
  for (const [i, value] of values.entries()) markup += markupOf(value) + (literals[i + 1] ?? '')
  return new Html(markup)
}

/** Text with the characters escaped that mean something in markup or in an attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** `<b>…</b>` around text, which is escaped, or around markup. */
export function bold(content: HtmlValue): Html {
  return html`<b>${content}</b>`
}

/** `<i>…</i>` around text, which is escaped, or around markup. */
export function italic(content: HtmlValue): Html {
  return html`<i>${content}</i>`
}

/** Fixed-width text in a line; a tap copies it. */
export function code(content: HtmlValue): Html {
  return html`<code>${content}</code>`
}

/** A fixed-width block; `language` only chooses colours. */
export function pre(content: HtmlValue, language?: string): Html {
  return language === undefined
    ? html`<pre>${content}</pre>`
    : html`<pre><code class="language-${language}">${content}</code></pre>`
}

const linkSchemes: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:', 'tel:', 'tg:'])

/** A link; an address that is none, or of a scheme other than http(s), mailto, tel and tg, leaves the text alone. */
export function link(content: HtmlValue, url: string | URL): Html {
  const address = URL.parse(String(url))
  return address !== null && linkSchemes.has(address.protocol)
    ? html`<a href="${address.href}">${content}</a>`
    : html`${content}`
}

/**
 * A link to a person that leads to them without a @name; they hear of it where they are. Of their name what would turn round
 * the text beside it is left out.
 */
export function mention(person: { readonly telegramId: number; readonly name: string }): Html {
  const { telegramId, name } = person
  return html`<a href="tg://user?id=${telegramId}">${oneLine(name) || telegramId}</a>`
}

/** A tag and where it stands in the text. */
export interface PlacedTag {
  readonly name: string
  readonly markup: string
  readonly opens: boolean
  /** UTF-16 units of text before it. */
  readonly at: number
}

/** Markup taken apart as Telegram does it: the text a person reads, and the tags in it. */
export interface ParsedHtml {
  readonly text: string
  readonly tags: readonly PlacedTag[]
}

const tagPattern = /<(\/?)([a-z][a-z0-9-]*)(?:\s[^<>]*)?>/gi

/** Takes markup apart; what is no tag or entity counts as text, so broken markup is read too. */
export function parseHtml(content: Html | string): ParsedHtml {
  const markup = String(content)
  const tags: PlacedTag[] = []
  let text = ''
  let end = 0
  for (const match of markup.matchAll(tagPattern)) {
    text += unescapeHtml(markup.slice(end, match.index))
    end = match.index + match[0].length
    tags.push({
      name: (match[2] ?? '').toLowerCase(),
      markup: match[0],
      opens: match[1] === '',
      at: text.length,
    })
  }
  return { text: text + unescapeHtml(markup.slice(end)), tags }
}

/** The text of markup, without tags and entities; addresses of links stand behind them in parentheses. */
export function plainText(content: Html | string): string {
  const { text, tags } = parseHtml(content)
  let plain = ''
  let end = 0
  const links: { href: string; at: number }[] = []
  for (const tag of tags) {
    plain += text.slice(end, tag.at)
    end = tag.at
    if (tag.name !== 'a') continue
    if (tag.opens) {
      const href = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(tag.markup)
      links.push({ href: unescapeHtml(href?.[1] ?? href?.[2] ?? ''), at: tag.at })
    } else {
      const opened = links.pop()
      if (opened && opened.href !== '' && opened.href !== text.slice(opened.at, tag.at)) {
        plain += ` (${opened.href})`
      }
    }
  }
  return plain + text.slice(end)
}

function markupOf(value: HtmlValue): string {
  if (value instanceof Html) return value.toString()
  if (value === null || value === undefined || typeof value === 'boolean') return ''
  if (typeof value === 'object') return value.map(markupOf).join('')
  return escapeHtml(String(value))
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }

/** Telegram knows these four names and numbers (Bot API, HTML style); anything else is text. */
function unescapeHtml(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:(lt|gt|amp|quot)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi,
    (all, name, dec, hex) => {
      if (typeof name === 'string') return named[name.toLowerCase()] ?? all
      const point = typeof dec === 'string' ? Number.parseInt(dec, 10) : Number.parseInt(hex, 16)
      return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : all
    },
  )
}
