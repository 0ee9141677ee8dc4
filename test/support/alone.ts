import type { FileResult } from './shards.ts'

/** More files than these that fail mean that something is broken. */
const atMost = 5
/** Whoever runs so few files tries something, and wants to know at once. */
const fromFiles = 11

/** A file that failed beside others and passed when it ran alone. */
export interface Unsteady {
  readonly beside: FileResult
  readonly alone: FileResult
}

export interface Verdict {
  /** What counts, one a file, in the order of the run. */
  readonly results: readonly FileResult[]
  readonly unsteady: readonly Unsteady[]
}

/**
 * Runs the few files that failed beside others once more, alone: a machine that was too busy isn't what is
 * tested, and what is broken is so alone too.
 *
 * @param beside results of the run with several files at a time
 * @param runAlone runs these files, one at a time
 */
export async function onceMoreAlone(
  beside: readonly FileResult[],
  runAlone: (files: readonly string[]) => Promise<readonly FileResult[]>,
): Promise<Verdict> {
  const failed = beside.filter(({ failures }) => failures.length > 0)
  if (failed.length === 0 || failed.length > atMost || beside.length < fromFiles) {
    return { results: beside, unsteady: [] }
  }
  const second = new Map(
    (await runAlone(failed.map(({ file }) => file))).map((result) => [result.file, result]),
  )
  const results = beside.map((result) => second.get(result.file) ?? result)
  const unsteady = failed.flatMap((first) => {
    const alone = second.get(first.file)
    return alone?.failures.length === 0 ? [{ beside: first, alone }] : []
  })
  return { results, unsteady }
}
