import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { isInside } from '../../plugin/code/folder.ts'
import { codeFrame } from '../../plugin/code/problem.ts'

const root = resolve(import.meta.dirname, '../../..')
const require = createRequire(import.meta.url)

/** Longer type arguments than this are left out. */
const longestArguments = 40

export interface TypeProblem {
  /** Absolute path. */
  readonly file: string
  readonly line: number
  readonly column: number
  /** The compiler's text; its first line says it, those after it say why. */
  readonly text: string
  readonly frame: string
}

/**
 * Checks the types of all TypeScript files of some folders, as strictly as the project itself, at once:
 * reading the core's own types takes most of the time.
 *
 * @returns undefined when the compiler isn't installed
 */
export async function typeProblems(
  dirs: readonly string[],
): Promise<readonly TypeProblem[] | undefined> {
  const compiler = compilerPath()
  if (compiler === undefined) return undefined
  const home = await mkdtemp(join(tmpdir(), 'opsgram-types-'))
  try {
    const project = join(home, 'tsconfig.json')
    await writeFile(project, JSON.stringify(projectOf(dirs)))
    const output = await run(compiler, project)
    return await problemsIn(output, dirs)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

function compilerPath(): string | undefined {
  try {
    return join(dirname(require.resolve('typescript-7/package.json')), 'bin/tsc')
  } catch {
    return undefined
  }
}

function projectOf(dirs: readonly string[]): object {
  const modules = dirname(dirname(require.resolve('zod/package.json')))
  // what every plugin may import comes from here, also where no node_modules is near the folder
  const host = ['zod', 'telegraf', '@mikro-orm/core', '@mikro-orm/migrations']
  const paths = {
    opsgram: [join(root, 'core/index.ts')],
    'opsgram/testing': [join(root, 'core/testing/index.ts')],
    ...Object.fromEntries(host.map((name) => [name, [join(modules, name)]])),
    ...Object.fromEntries(host.map((name) => [`${name}/*`, [`${join(modules, name)}/*`]])),
  }
  return {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(modules, '@types')],
      paths,
      // a folder outside of the project has no package.json that says that it holds modules
      module: 'preserve',
      moduleResolution: 'bundler',
    },
    include: dirs.map((dir) => `${dir}/**/*.ts`),
    exclude: ['**/node_modules', '**/fixtures'],
  }
}

async function run(compiler: string, project: string): Promise<string> {
  const child = spawn(process.execPath, [compiler, '-p', project, '--pretty', 'false'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  await new Promise((done) => child.on('close', done))
  return output
}

/** `…/index.ts(12,5): error TS2322: Type …`, and indented lines that say why. */
async function problemsIn(output: string, dirs: readonly string[]): Promise<TypeProblem[]> {
  const problems: TypeProblem[] = []
  for (const part of output.split(/\n(?=\S)/)) {
    const match = /^(.+)\((\d+),(\d+)\): error (TS\d+: [\s\S]+)$/.exec(part.trimEnd())
    if (match === null) continue
    const [, path = '', line, column, text = ''] = match
    const file = resolve(path)
    if (!dirs.some((dir) => isInside(dir, file))) continue
    const at = { line: Number(line), column: Number(column) }
    const frame = codeFrame(await readFile(file, 'utf8'), at.line, at.column)
    problems.push({ file, ...at, text: withoutWalls(text), frame })
  }
  return problems
}

/** What the compiler says of a plugin's own types, without the type arguments that nobody reads. */
function withoutWalls(text: string): string {
  let shown = ''
  let depth = 0
  let inner = ''
  for (const [index, char] of [...text].entries()) {
    const arrow = char === '>' && text[index - 1] === '='
    if (char === '<') depth++
    if (depth > 0) inner += char
    else shown += char
    if (char !== '>' || arrow || depth === 0) continue
    depth--
    if (depth > 0) continue
    shown += inner.length > longestArguments ? '<…>' : inner
    inner = ''
  }
  return shown + inner
}
