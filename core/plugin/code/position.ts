import { SourceMap } from 'node:module'
import path from 'node:path'
import type { Position } from './problem.ts'

/** Leads from a place in a bundle back to the saved source. The map is parsed when first asked. */
export class SourcePositions {
  readonly #json: string
  readonly #root: string
  #map: SourceMap | undefined

  /** @param json the bundle's source map, whose sources are relative to `root` */
  constructor(json: string, root: string) {
    this.#json = json
    this.#root = root
  }

  /** @param line from 1 @param column from 1 */
  at(line: number, column: number): Position | undefined {
    this.#map ??= new SourceMap(JSON.parse(this.#json))
    const entry = this.#map.findEntry(line - 1, column - 1)
    if (!('originalSource' in entry) || !entry.originalSource) return undefined
    return {
      file: path.resolve(this.#root, entry.originalSource),
      line: entry.originalLine + 1,
      column: entry.originalColumn + 1,
    }
  }
}
