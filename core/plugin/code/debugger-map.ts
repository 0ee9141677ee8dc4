import inspector from 'node:inspector'
import { getSourceMapsSupport, setSourceMapsSupport } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'

/** What of a source map has to be known here. */
const mapShape = z.looseObject({ sources: z.array(z.string()) })

/** Code of a plugin, as far as it leads back to its sources. */
interface MappedBundle {
  readonly root: string
  readonly headerWidth: number
  /** Its sources are relative to `root`. */
  readonly map: string
}

/** Whether a debugger may come: the process was started with `--inspect`, or got SIGUSR1 since. */
export function isDebugged(): boolean {
  return inspector.url() !== undefined
}

/**
 * The comment by which a debugger finds the saved files behind a bundle, so that breakpoints in them bind.
 * Line 1 begins behind the wrapper's header, which only a map of sections can say without being written anew.
 */
export function debuggerComment({ root, headerWidth, map }: MappedBundle): string {
  const own = mapShape.parse(JSON.parse(map))
  const sources = own.sources.map((source) => pathToFileURL(path.resolve(root, source)).href)
  const offset = { line: 0, column: headerWidth }
  const whole = JSON.stringify({ version: 3, sections: [{ offset, map: { ...own, sources } }] })
  const data = Buffer.from(whole).toString('base64')
  return `//# sourceMappingURL=data:application/json;base64,${data}`
}

/**
 * Compiles code that carries its map without letting Node know of it: it would keep the map for ever
 * (nodejs/node#65760), and stacks are mapped by ourselves.
 */
export function withoutNodesMaps<T>(compile: () => T): T {
  const { enabled, nodeModules, generatedCode } = getSourceMapsSupport()
  setSourceMapsSupport(enabled, { nodeModules, generatedCode: false })
  try {
    return compile()
  } finally {
    setSourceMapsSupport(enabled, { nodeModules, generatedCode })
  }
}
