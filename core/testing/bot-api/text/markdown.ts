import type { ApiEntity, EntityType } from '../wire.ts'
import { codeBlockStart } from './code-block.ts'
import type { UserLookup } from './formatted.ts'
import { type FormattedText, linkEntity, unparsable } from './formatted.ts'

const types: Readonly<Record<string, EntityType>> = { _: 'italic', '*': 'bold', '`': 'code' }

/**
 * Reads `parse_mode: 'Markdown'`, the old style without nesting (tdlib, MessageEntity.cpp,
 * parse_markdown).
 * @throws {ApiFailure} 400 "can't parse entities: …"
 */
export function parseMarkdown(source: string, user: UserLookup = () => undefined): FormattedText {
  const entities: ApiEntity[] = []
  let text = ''
  for (let at = 0; at < source.length; at++) {
    const char = source[at] ?? ''
    if (char === '\\' && '_*`['.includes(source[at + 1] ?? ' ')) {
      text += source[++at]
      continue
    }
    if (!'_*`['.includes(char)) {
      text += char
      continue
    }
    const begin = at
    const block = source.startsWith('```', at)
    const { language, at: start } = block
      ? codeBlockStart(source, at + 3)
      : { language: undefined, at: at + 1 }
    const mark = block ? '```' : char === '[' ? ']' : char
    const end = source.indexOf(mark, start)
    if (end < 0) {
      const offset = Buffer.byteLength(source.slice(0, begin))
      throw unparsable(`Can't find end of the entity starting at byte offset ${offset}`)
    }
    const inner = source.slice(start, end)
    const place = { offset: text.length, length: inner.length }
    text += inner
    at = end + mark.length - 1
    let url = inner
    if (char === '[' && source[end + 1] === '(') {
      const close = source.indexOf(')', end + 2)
      at = close < 0 ? source.length : close
      url = source.slice(end + 2, at)
    }
    if (inner === '') continue
    if (char === '[') entities.push(...linkEntity(url, place, user))
    else if (block) entities.push({ type: 'pre', ...place, ...(language && { language }) })
    else entities.push({ type: types[char] ?? 'code', ...place })
  }
  return { text, entities }
}
