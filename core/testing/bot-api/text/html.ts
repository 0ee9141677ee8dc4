import type { ApiEntity, EntityType } from '../wire.ts'
import {
  type FormattedText,
  linkEntity,
  outerFirst,
  type UserLookup,
  unparsable,
} from './formatted.ts'

const entityOfTag: Readonly<Record<string, EntityType>> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  ins: 'underline',
  s: 'strikethrough',
  strike: 'strikethrough',
  del: 'strikethrough',
  span: 'spoiler',
  'tg-spoiler': 'spoiler',
  'tg-emoji': 'custom_emoji',
  a: 'text_link',
  code: 'code',
  pre: 'pre',
  blockquote: 'blockquote',
}

const literals: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"' }

interface OpenTag {
  name: string
  argument: string
  offset: number
}

/**
 * Reads `parse_mode: 'HTML'` with Telegram's grammar and Telegram's complaints (tdlib,
 * MessageEntity.cpp, parse_html): few tags, no comments, four named entities.
 * @throws {ApiFailure} 400 "can't parse entities: …"
 */
export function parseHtml(source: string, user: UserLookup = () => undefined): FormattedText {
  return new HtmlReader(source, user).read()
}

class HtmlReader {
  readonly #source: string
  readonly #user: UserLookup
  readonly #entities: ApiEntity[] = []
  readonly #open: OpenTag[] = []
  #text = ''
  #at = 0

  constructor(source: string, user: UserLookup) {
    this.#source = source
    this.#user = user
  }

  read(): FormattedText {
    while (this.#at < this.#source.length) {
      const next = this.#source.slice(this.#at).search(/[&<]/)
      if (next !== 0) {
        const end = next < 0 ? this.#source.length : this.#at + next
        this.#text += this.#source.slice(this.#at, end)
        this.#at = end
      } else if (this.#char() === '&') {
        this.#text += this.#character()
      } else if (this.#source[this.#at + 1] === '/') {
        this.#endTag()
      } else {
        this.#startTag()
      }
    }
    const unclosed = this.#open.at(-1)
    if (unclosed) {
      throw unparsable(`Can't find end tag corresponding to start tag "${unclosed.name}"`)
    }
    // A stray half of a surrogate pair can only come from &#xd800; and the like.
    if (!this.#text.isWellFormed()) {
      throw unparsable('Text contains invalid Unicode characters after decoding HTML entities')
    }
    return { text: this.#text, entities: sorted(this.#entities) }
  }

  /** The character at the cursor; the end of the text counts as white space, as C's NUL does there. */
  #char(): string {
    return this.#source[this.#at] ?? '\0'
  }

  #space(): boolean {
    return /[ \t\r\n\0\v]/.test(this.#char())
  }

  #ended(): boolean {
    return this.#at >= this.#source.length
  }

  #skipSpace(): void {
    while (!this.#ended() && this.#space()) this.#at++
  }

  #until(stop: () => boolean): string {
    const from = this.#at
    while (!stop()) this.#at++
    return this.#source.slice(from, this.#at)
  }

  #byte(position: number): number {
    return Buffer.byteLength(this.#source.slice(0, position))
  }

  /** Decodes `&lt;`, `&#60;`, `&#x3c;` at the cursor; anything else is an ordinary ampersand. */
  #character(): string {
    const found = /^&(?:#x([0-9a-f]{1,7})|#(\d{1,7})|([a-z]+));?/i.exec(
      this.#source.slice(this.#at, this.#at + 12),
    )
    const [all, hex, decimal, name] = found ?? []
    const code = hex ? Number.parseInt(hex, 16) : Number(decimal ?? 0)
    const decoded = name
      ? literals[name]
      : code > 0 && code < 0x10ffff
        ? String.fromCodePoint(code)
        : undefined
    this.#at += decoded === undefined ? 1 : (all?.length ?? 1)
    return decoded ?? '&'
  }

  #startTag(): void {
    const start = this.#at++
    const name = this.#until(() => this.#space() || this.#char() === '>').toLowerCase()
    if (this.#ended()) throw unparsable(`Unclosed start tag at byte offset ${this.#byte(start)}`)
    if (!Object.hasOwn(entityOfTag, name)) {
      throw unparsable(`Unsupported start tag "${name}" at byte offset ${this.#byte(start)}`)
    }
    let argument = ''
    for (;;) {
      this.#skipSpace()
      if (this.#char() === '>') break
      argument = this.#attribute(name, start) ?? argument
    }
    this.#at++
    if (name === 'span' && argument !== 'spoiler') {
      throw unparsable(
        `Tag "span" must have class "tg-spoiler" at byte offset ${this.#byte(start)}`,
      )
    }
    this.#open.push({ name, argument, offset: this.#text.length })
  }

  /** Reads one attribute; returns its value where the tag uses it. */
  #attribute(tag: string, start: number): string | undefined {
    const name = this.#until(() => this.#space() || this.#char() === '=' || this.#char() === '>')
    if (name === '') {
      throw unparsable(
        `Empty attribute name in the tag "${tag}" at byte offset ${this.#byte(start)}`,
      )
    }
    this.#skipSpace()
    if (this.#char() !== '=') {
      if (tag === 'blockquote' && name === 'expandable') return 'expandable'
      throw unparsable(
        `Expected equal sign in declaration of an attribute of the tag "${tag}" at byte offset ${this.#byte(start)}`,
      )
    }
    this.#at++
    this.#skipSpace()
    const value = this.#attributeValue()
    if (this.#ended()) throw unparsable(`Unclosed start tag at byte offset ${this.#byte(start)}`)
    if (tag === 'a' && name === 'href') return value
    if (tag === 'tg-emoji' && name === 'emoji-id') return value
    if (tag === 'code' && name === 'class' && value.startsWith('language-')) return value.slice(9)
    if (tag === 'span' && name === 'class' && value.startsWith('tg-')) return value.slice(3)
    return undefined
  }

  #attributeValue(): string {
    const quote = this.#char()
    if (quote !== '"' && quote !== "'") {
      const from = this.#at
      const token = this.#until(() => !/[a-z0-9.-]/i.test(this.#char()))
      if (!this.#space() && this.#char() !== '>') {
        throw unparsable(`Unexpected end of name token at byte offset ${this.#byte(from)}`)
      }
      return token.toLowerCase()
    }
    this.#at++
    let value = ''
    while (!this.#ended() && this.#char() !== quote) {
      if (this.#char() === '&') value += this.#character()
      else value += this.#source[this.#at++]
    }
    if (!this.#ended()) this.#at++
    return value
  }

  #endTag(): void {
    const start = this.#at
    const tag = this.#open.at(-1)
    if (!tag) throw unparsable(`Unexpected end tag at byte offset ${this.#byte(start)}`)
    this.#at += 2
    const name = this.#until(() => this.#space() || this.#char() === '>').toLowerCase()
    this.#skipSpace()
    if (this.#char() !== '>') {
      throw unparsable(`Unclosed end tag at byte offset ${this.#byte(start)}`)
    }
    this.#at++
    if (name !== '' && name !== tag.name) {
      throw unparsable(
        `Unmatched end tag at byte offset ${this.#byte(start)}, expected "</${tag.name}>", found "</${name}>"`,
      )
    }
    this.#open.pop()
    if (this.#text.length > tag.offset) this.#close(tag)
  }

  #close(tag: OpenTag): void {
    const place = { offset: tag.offset, length: this.#text.length - tag.offset }
    const type = entityOfTag[tag.name]
    const last = this.#entities.at(-1)
    const wraps = last?.offset === place.offset && last.length === place.length ? last : undefined
    if (tag.name === 'a') {
      const link = tag.argument || this.#text.slice(tag.offset)
      this.#entities.push(...linkEntity(link, place, this.#user))
    } else if (tag.name === 'tg-emoji') {
      if (!/^[1-9]\d*$/.test(tag.argument)) {
        throw unparsable('Invalid custom emoji identifier specified')
      }
      this.#entities.push({ type: 'custom_emoji', ...place, custom_emoji_id: tag.argument })
    } else if (tag.name === 'pre' && wraps?.type === 'code' && wraps.language !== undefined) {
      wraps.type = 'pre'
    } else if (tag.name === 'code' && tag.argument !== '') {
      if (wraps?.type === 'pre') wraps.language = tag.argument
      else this.#entities.push({ type: 'code', ...place, language: tag.argument })
    } else if (tag.name === 'blockquote' && tag.argument !== '') {
      this.#entities.push({ type: 'expandable_blockquote', ...place })
    } else if (type) {
      this.#entities.push({ type, ...place })
    }
  }
}

/** Outer entities first; a language is kept by `pre` alone. */
function sorted(entities: ApiEntity[]): ApiEntity[] {
  for (const entity of entities) if (entity.type === 'code') delete entity.language
  return outerFirst(entities)
}
