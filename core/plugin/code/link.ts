import { parse } from 'es-module-lexer'
import type { SourcePositions } from './position.ts'
import type { Position } from './problem.ts'

/** A module that is not part of the bundle: the host's, Node's, or a package as an absolute URL. */
export interface SharedModule {
  readonly specifier: string
  readonly names: readonly ImportedName[]
}

export interface ImportedName {
  readonly name: string
  /** The import in the saved source. */
  readonly at: Position | undefined
}

export interface LinkedCode {
  /**
   * Source text of a function of the plugin's own timers and {@link lifeName}, which gives an async function with the
   * parameters of {@link wrapperNames}.
   */
  readonly code: string
  /** UTF-16 units by which line 1 stands right of line 1 of the bundle. */
  readonly headerWidth: number
  readonly shared: readonly SharedModule[]
  /** Files whose `import.meta` the code asks for, by index. */
  readonly metaFiles: readonly string[]
}

/**
 * The names that the wrapper gives to the bundle. The bundle's entry mentions all of them, so esbuild
 * takes care that nothing in the bundle has the same. `import.meta` becomes `$meta$[12 ]` and `import(`
 * becomes `$load$(`: as wide as what they replace, so that the source map still fits.
 */
export const wrapperNames = ['$link$', '$meta$', '$load$', '$done$'] as const

/**
 * An object of which every function of the bundle keeps hold, as the wrapper around them mentions it: when it was
 * collected, nothing of the code is left.
 */
export const lifeName = '$life$'

/**
 * Global functions of which a plugin gets its own. They are parameters of a function around the one with
 * the bundle, so that a plugin may have names like these itself.
 */
const globalNames = ['setInterval', 'setTimeout'] as const

/**
 * Makes a bundle that has imports into a function that has none. Static imports become constants in the
 * header, which shares line 1 with the bundle's first line; the statements themselves are blanked.
 * The constants are snapshots: a shared `export let` that changes later is not seen.
 */
export function linkBundle(bundle: string, positions: SourcePositions): LinkedCode {
  const shared = new Map<string, ImportedName[]>()
  const metaFiles: string[] = []
  const constants: string[] = []
  const edits: Edit[] = []
  const sourceOf = (offset: number) => {
    const before = bundle.slice(0, offset)
    const line = before.lastIndexOf('\n') + 1
    return positions.at(before.split('\n').length, offset - line + 1)
  }

  for (const found of parse(bundle)[0]) {
    const { importStart: start, importEnd: end } = found
    if (found.type === 'import-meta') {
      edits.push({ start, end, text: metaAccess(sourceOf(start)?.file ?? '', metaFiles) })
    } else if (found.type === 'dynamic') {
      edits.push({ start, end: start + 'import'.length, text: '$load$' })
    } else {
      const statement = bundle.slice(start, end)
      const names = shared.get(found.specifier) ?? []
      shared.set(found.specifier, names)
      const index = [...shared.keys()].indexOf(found.specifier)
      const clause = readClause(statement)
      const at = sourceOf(start)
      names.push(...clause.picks.map((pick) => ({ name: pick.name, at })))
      constants.push(clauseAsConstants(clause, `$link$[${index}]`))
      edits.push({ start, end, text: statement.replace(/[^\n]/g, ' ') })
    }
  }

  const outer = [...globalNames, lifeName].join(',')
  const header = `(function(${outer}){"use strict";return async function(${wrapperNames.join(',')}){void ${lifeName};${constants.join('')}`
  return {
    code: `${header}${applied(bundle, edits)}\n}})`,
    headerWidth: header.length,
    shared: [...shared].map(([specifier, names]) => ({ specifier, names })),
    metaFiles,
  }
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

function applied(code: string, edits: readonly Edit[]): string {
  let result = ''
  let done = 0
  for (const { start, end, text } of edits.toSorted((a, b) => a.start - b.start)) {
    result += code.slice(done, start) + text
    done = end
  }
  return result + code.slice(done)
}

function metaAccess(file: string, files: string[]): string {
  if (!files.includes(file)) files.push(file)
  const index = String(files.indexOf(file))
  return `$meta$[${index.padEnd('import.meta'.length - '$meta$[]'.length)}]`
}

interface Clause {
  readonly namespace: string | undefined
  readonly picks: readonly { readonly name: string; readonly local: string }[]
}

/** Reads an import statement in the one form in which esbuild prints them. */
function readClause(statement: string): Clause {
  const match =
    /^import\s*(?:([\w$]+)\s*,?\s*)?(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})?\s*(?:from)?\s*["']/.exec(
      statement,
    )
  const named = (match?.[3] ?? '').split(',').flatMap((part) => {
    const [name = '', local = name] = part.trim().split(/\s+as\s+/)
    return name === '' ? [] : [{ name: name.replace(/^"(.*)"$/, '$1'), local }]
  })
  const byDefault = match?.[1]
  return {
    namespace: match?.[2],
    picks: byDefault === undefined ? named : [{ name: 'default', local: byDefault }, ...named],
  }
}

function clauseAsConstants({ namespace, picks }: Clause, module: string): string {
  const picked = picks.map(({ name, local }) => `${JSON.stringify(name)}:${local}`).join(',')
  const constants: string[] = []
  if (picks.length > 0) constants.push(`const{${picked}}=${module};`)
  if (namespace !== undefined) constants.push(`const ${namespace}=${module};`)
  return constants.join('')
}
