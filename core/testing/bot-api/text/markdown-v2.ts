import type { ApiEntity, EntityType } from '../wire.ts'
import { codeBlockStart } from './code-block.ts'
import {
  type FormattedText,
  linkEntity,
  outerFirst,
  type UserLookup,
  unparsable,
} from './formatted.ts'

/** Kinds by the names that Telegram's complaints use. */
const entityTypes = {
  Bold: 'bold',
  Italic: 'italic',
  Underline: 'underline',
  Strikethrough: 'strikethrough',
  Spoiler: 'spoiler',
  Code: 'code',
  Pre: 'pre',
  PreCode: 'pre',
  TextUrl: 'text_link',
  CustomEmoji: 'custom_emoji',
  BlockQuote: 'blockquote',
} as const satisfies Record<string, EntityType>

type Kind = keyof typeof entityTypes

interface Open {
  kind: Kind
  language?: string | undefined
  /** Where its text begins, UTF-16 units. */
  offset: number
  /** Where its mark stands in the source. */
  begin: number
}

/** What ends an entity. */
const ends: Readonly<Record<Kind, string>> = {
  Bold: '*',
  Italic: '_',
  Underline: '__',
  Strikethrough: '~',
  Spoiler: '||',
  Code: '`',
  Pre: '```',
  PreCode: '```',
  TextUrl: ']',
  CustomEmoji: ']',
  BlockQuote: '\n',
}

/** What begins one; longer marks first. */
const starts: readonly (readonly [string, Kind])[] = [
  ['```', 'Pre'],
  ['__', 'Underline'],
  ['||', 'Spoiler'],
  ['![', 'CustomEmoji'],
  ['_', 'Italic'],
  ['*', 'Bold'],
  ['~', 'Strikethrough'],
  ['`', 'Code'],
  ['[', 'TextUrl'],
]

const reserved = new Set('_*[]()~`>#+-=|{}.!\n')
const codes: ReadonlySet<Kind> = new Set(['Code', 'Pre', 'PreCode'])

/**
 * Reads `parse_mode: 'MarkdownV2'` with Telegram's grammar and Telegram's complaints (tdlib,
 * MessageEntity.cpp, parse_markdown_v2).
 * @throws {ApiFailure} 400 "can't parse entities: …"
 */
export function parseMarkdownV2(source: string, user: UserLookup = () => undefined): FormattedText {
  return new MarkdownReader(source, user).read()
}

class MarkdownReader {
  readonly #source: string
  readonly #user: UserLookup
  readonly #entities: ApiEntity[] = []
  readonly #open: Open[] = []
  #text = ''
  #at = 0
  #atLineStart = true

  constructor(source: string, user: UserLookup) {
    this.#source = source
    this.#user = user
  }

  read(): FormattedText {
    while (this.#at < this.#source.length) this.#step()
    this.#endQuote()
    const unclosed = this.#open.at(-1)
    if (unclosed) throw this.#unclosed(unclosed)
    return { text: this.#text, entities: outerFirst(this.#entities) }
  }

  #step(): void {
    const char = this.#source[this.#at] ?? ''
    const next = this.#source.charCodeAt(this.#at + 1)
    if (char === '\\' && next > 0 && next <= 126) {
      this.#at++
      this.#put(this.#source[this.#at] ?? '')
      return
    }
    const current = this.#open.at(-1)
    const inCode = current !== undefined && codes.has(current.kind)
    if (inCode ? char !== '`' : !reserved.has(char)) this.#put(char)
    else if (char === '\n') this.#lineEnd()
    else if (current !== undefined && this.#isEndOf(current)) this.#end(current)
    else this.#start(char)
  }

  /** Takes one character of text over. */
  #put(char: string): void {
    this.#text += char
    this.#at++
    this.#atLineStart = char === '\n' || char === '\r'
  }

  #isEndOf({ kind }: Open): boolean {
    if (kind === 'BlockQuote') return false
    const { [kind]: mark } = ends
    // of "___" the first two end or begin an underline
    if (kind === 'Italic' && this.#source[this.#at + 1] === '_') return false
    return this.#source.startsWith(mark, this.#at)
  }

  #lineEnd(): void {
    const quoted = this.#open.some(({ kind }) => kind === 'BlockQuote')
    const over = quoted && this.#source[this.#at + 1] !== '>'
    const expandable = over && this.#takeExpandMark()
    this.#put('\n')
    if (over) this.#endQuote(expandable)
  }

  /** "||" that ends a quote's last line makes it expandable. */
  #takeExpandMark(): boolean {
    const [quote, mark] = this.#open.slice(-2)
    if (quote?.kind !== 'BlockQuote' || mark?.kind !== 'Spoiler') return false
    if (!['', '\r'].includes(this.#source.slice(mark.begin + 2, this.#at))) return false
    this.#open.pop()
    return true
  }

  #endQuote(expandable = this.#takeExpandMark()): void {
    const quoted = this.#open.some(({ kind }) => kind === 'BlockQuote')
    if (!quoted) return
    const quote = this.#open.at(-1)
    if (quote?.kind !== 'BlockQuote') throw this.#unclosed(quote)
    this.#open.pop()
    this.#add(quote, expandable ? 'expandable_blockquote' : 'blockquote')
  }

  #start(char: string): void {
    if (char === '>' && this.#atLineStart) {
      const quoted = this.#open.some(({ kind }) => kind === 'BlockQuote')
      if (!quoted) this.#open.push({ kind: 'BlockQuote', ...this.#here() })
      this.#at++
      return
    }
    const [mark, kind] = starts.find(([m]) => this.#source.startsWith(m, this.#at)) ?? []
    if (mark === undefined || kind === undefined) {
      throw unparsable(
        `Character '${char}' is reserved and must be escaped with the preceding '\\'`,
      )
    }
    const open: Open = { kind, ...this.#here() }
    this.#at += mark.length
    if (kind === 'Pre') {
      const { language, at } = codeBlockStart(this.#source, this.#at)
      if (language !== undefined) Object.assign(open, { kind: 'PreCode', language })
      this.#at = at
    }
    this.#open.push(open)
  }

  #end(open: Open): void {
    this.#open.pop()
    this.#at += ends[open.kind].length
    if (open.kind === 'TextUrl') this.#link(open)
    else if (open.kind === 'CustomEmoji') this.#emoji(open)
    else this.#add(open, entityTypes[open.kind])
  }

  #link(open: Open): void {
    const url =
      this.#source[this.#at] === '(' ? this.#address('a URL') : this.#text.slice(open.offset)
    const place = this.#placeOf(open)
    if (place.length > 0) this.#entities.push(...linkEntity(url, place, this.#user))
  }

  #emoji(open: Open): void {
    if (this.#source[this.#at] !== '(') {
      throw unparsable('Custom emoji entity must contain a tg://emoji URL')
    }
    const url = URL.parse(this.#address('a custom emoji URL'))
    if (url?.protocol !== 'tg:') throw unparsable('Custom emoji URL must have scheme tg')
    if ((url.host || url.pathname).toLowerCase() !== 'emoji') {
      throw unparsable('Custom emoji URL must have host "emoji"')
    }
    const id = url.searchParams.get('id')
    if (id === null) throw unparsable('Custom emoji URL must have an emoji identifier')
    if (!/^[1-9]\d*$/.test(id)) throw unparsable('Invalid custom emoji identifier specified')
    const place = this.#placeOf(open)
    if (place.length > 0) {
      this.#entities.push({ type: 'custom_emoji', ...place, custom_emoji_id: id })
    }
  }

  /** What stands in the parentheses at the cursor. */
  #address(what: string): string {
    const begin = ++this.#at
    let address = ''
    for (; this.#source[this.#at] !== ')'; this.#at++) {
      if (this.#at >= this.#source.length) {
        throw unparsable(`Can't find end of ${what} at byte offset ${this.#byte(begin)}`)
      }
      const next = this.#source.charCodeAt(this.#at + 1)
      if (this.#source[this.#at] === '\\' && next > 0 && next <= 126) this.#at++
      address += this.#source[this.#at] ?? ''
    }
    this.#at++
    return address
  }

  #add(open: Open, type: EntityType): void {
    const place = this.#placeOf(open)
    const { language } = open
    if (place.length > 0) this.#entities.push({ type, ...place, ...(language && { language }) })
  }

  #here(): { offset: number; begin: number } {
    return { offset: this.#text.length, begin: this.#at }
  }

  #placeOf({ offset }: Open): { offset: number; length: number } {
    return { offset, length: this.#text.length - offset }
  }

  #byte(position: number): number {
    return Buffer.byteLength(this.#source.slice(0, position))
  }

  #unclosed(open: Open | undefined): Error {
    return unparsable(
      `Can't find end of ${open?.kind} entity at byte offset ${this.#byte(open?.begin ?? 0)}`,
    )
  }
}
