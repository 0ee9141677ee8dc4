/** Where in a list one is: pages count from 1. */
export interface PageAt {
  readonly page: number
  readonly pages: number
}

/** A button of a pager: what stands on it, and where it leads. */
export interface PageTurn {
  readonly label: string
  readonly page: number
}

/** As many as stand beside each other on a phone. */
const mostNumbers = 8

/**
 * Where to turn from a page: nowhere when there is one page; to each of 2–8; with more to the first, the one before, the
 * next and the last, always in the same five places, so that a thumb may stay where it is.
 */
export function pageTurns({ page, pages }: PageAt): PageTurn[] {
  if (pages <= 1) return []
  const clamped = (to: number) => Math.min(Math.max(1, Math.trunc(to)), pages)
  const here = clamped(page)
  if (pages <= mostNumbers) {
    return Array.from({ length: pages }, (_, index) => ({
      label: index + 1 === here ? `·${here}·` : String(index + 1),
      page: index + 1,
    }))
  }
  return [
    { label: '«', page: 1 },
    { label: '‹', page: clamped(here - 1) },
    { label: `${here}/${pages}`, page: here },
    { label: '›', page: clamped(here + 1) },
    { label: '»', page: pages },
  ]
}
