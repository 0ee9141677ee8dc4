import { eastAsianWidth } from 'get-east-asian-width'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** Nothing of these is seen, or they turn round what stands beside them: marks of direction, joiners, controls. */
const unseen = /[\p{Cc}\p{Cf}\p{Mn}\p{Me}\u115f\u3164\uffa0]/gu
/** Turn round what comes after them, or hide in what looks like another name. */
const misleading = /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g

/** Text from outside in one line, without what would turn round or hide the text beside it. */
export function oneLine(text: string): string {
  // what joins an emoji of several stays between them
  return text
    .replaceAll(misleading, (mark, at: number) => (mark === '\u200d' && at > 0 ? mark : ''))
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
}

/** How many columns a text takes in a fixed-width font: of Chinese and emoji each two, of what isn't seen none. */
export function widthOf(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += widthOfGrapheme(segment)
  return width
}

/** The text, or as much of it as fits with an ellipsis behind it. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let cut = ''
  let left = width - 1
  for (const { segment } of graphemes.segment(text)) {
    left -= widthOfGrapheme(segment)
    if (left < 0) break
    cut += segment
  }
  return `${cut.trimEnd()}…`
}

function widthOfGrapheme(grapheme: string): number {
  if (/^\p{Emoji_Presentation}|\ufe0f/u.test(grapheme)) return 2
  const point = grapheme.replaceAll(unseen, '').codePointAt(0)
  return point === undefined ? 0 : eastAsianWidth(point)
}
