/** The opening of a Markdown code block: the language named behind it, and where its text begins. */
export function codeBlockStart(
  source: string,
  after: number,
): { language: string | undefined; at: number } {
  const word = /^[^\s`]+/.exec(source.slice(after))?.[0] ?? ''
  const end = after + word.length
  // a word that runs up to the closing marks is the code itself
  const named = word !== '' && end < source.length && source[end] !== '`'
  const at = named ? end : after
  // the first line end belongs to the marks
  const lineEnd = /^(?:\r\n|\n\r|\n|\r)/.exec(source.slice(at))?.[0].length ?? 0
  return { language: named ? word : undefined, at: at + lineEnd }
}
