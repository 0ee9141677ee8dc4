/** The first ticket that a text names: `ZAM-4711`, `#4711`. */
export function ticketIn(text: string): string | undefined {
  return /(?<![\p{L}\d])(?:[A-Z][A-Z0-9]{1,9}-\d{2,}|#\d{2,})(?![\p{L}\d])/u.exec(text)?.[0]
}
