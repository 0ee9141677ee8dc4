import { escapeHtml, Html, type PlacedTag, parseHtml } from './html.ts'

/** Longest text of a message in UTF-16 units, counted after the markup has been parsed (Bot API, sendMessage). */
export const maxTextLength = 4096

/**
 * Splits plain text into parts that fit into one message each: between paragraphs where that takes
 * no part more, else at line ends, else between words, else anywhere but inside a surrogate pair.
 * @param limit longest part, UTF-16 units
 */
export function splitText(text: string, limit = maxTextLength): string[] {
  return rangesOf(text, limit).map(([start, end]) => text.slice(start, end))
}

/** The same for markup: tags open at a border are closed before it and opened again behind it. */
export function splitHtml(content: Html | string, limit = maxTextLength): Html[] {
  const { text, tags } = parseHtml(content)
  if (text.length <= limit) return text.trim() === '' ? [] : [new Html(String(content))]
  const open: PlacedTag[] = []
  let next = 0
  return rangesOf(text, limit).map(([start, end]) => {
    let markup = ''
    // Tags in what was left out between two parts (a line end) belong before the reopening.
    for (; before(tags[next], start); next++) apply(tags[next], open)
    for (const tag of open) markup += tag.markup
    let at = start
    for (; before(tags[next], end); next++) {
      const tag = tags[next]
      if (tag === undefined) break
      markup += escapeHtml(text.slice(at, tag.at)) + tag.markup
      at = tag.at
      apply(tag, open)
    }
    markup += escapeHtml(text.slice(at, end))
    for (const tag of open.toReversed()) markup += `</${tag.name}>`
    return new Html(markup)
  })
}

/** A closing tag at the border belongs to the part before it, an opening one to the part behind. */
function before(tag: PlacedTag | undefined, end: number): boolean {
  return tag !== undefined && (tag.opens ? tag.at < end : tag.at <= end)
}

function apply(tag: PlacedTag | undefined, open: PlacedTag[]): void {
  if (tag?.opens) open.push(tag)
  else if (tag !== undefined && open.at(-1)?.name === tag.name) open.pop()
}

type Range = [start: number, end: number]

/** Paragraphs stay whole, so that no heading is left alone, but not for one more message. */
function rangesOf(text: string, limit: number): Range[] {
  const byLines = rangesAt(['\n', ' '], text, limit)
  if (byLines.length < 2) return byLines
  const byParagraphs = rangesAt(['\n\n', '\n', ' '], text, limit)
  return byParagraphs.length > byLines.length ? byLines : byParagraphs
}

function rangesAt(borders: readonly string[], text: string, limit: number): Range[] {
  const ranges: Range[] = []
  let start = 0
  while (start < text.length) {
    const [end, next] =
      text.length - start <= limit ? [text.length, text.length] : cut(borders, text, start, limit)
    // Telegram refuses a message of blanks alone.
    if (text.slice(start, end).trim() !== '') ranges.push([start, end])
    start = next
  }
  return ranges
}

/** Where a part ends and where the next begins; a border less than half-way would make stubs of parts. */
function cut(
  borders: readonly string[],
  text: string,
  start: number,
  limit: number,
): [end: number, next: number] {
  const earliest = start + Math.floor(limit / 2)
  const latest = start + limit
  for (const border of borders) {
    const at = text.lastIndexOf(border, latest)
    if (at >= earliest && at > start) return [at, at + border.length]
  }
  const last = text.charCodeAt(latest - 1)
  const inPair = last >= 0xd800 && last <= 0xdbff && limit > 1
  return inPair ? [latest - 1, latest - 1] : [latest, latest]
}
