import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { constants, setPriority, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { codeOf } from '../../errors.ts'
import { isInside } from '../../plugin/code/folder.ts'
import { codeFrame } from '../../plugin/code/problem.ts'
import { compilerFor, writeProject } from './project.ts'

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
 * reading the core's own types takes most of the time. In a process of its own that gives way to others.
 *
 * @param signal ends the compiler; the result is undefined then
 * @returns undefined when the compiler isn't installed
 */
export async function typeProblems(
  dirs: readonly string[],
  signal?: AbortSignal,
): Promise<readonly TypeProblem[] | undefined> {
  const compiler = compilerFor(dirs)
  if (compiler === undefined) return undefined
  const home = await mkdtemp(join(tmpdir(), 'opsgram-types-'))
  try {
    const output = await run(compiler, await writeProject(home, dirs), signal)
    return signal?.aborted === true ? undefined : await problemsIn(output, dirs)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

async function run(
  compiler: string,
  project: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const child = spawn(process.execPath, [compiler, '-p', project, '--pretty', 'false'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }),
  })
  giveWay(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  await new Promise<void>((done, fail) => {
    child.on('close', () => done())
    child.on('error', (error) => (codeOf(error) === 'ABORT_ERR' ? done() : fail(error)))
  })
  return output
}

function giveWay({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch (error) {
    // it may have ended already
    if (codeOf(error) !== 'ERR_SYSTEM_ERROR') throw error
  }
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
    const frame = codeFrame(await readFile(file, 'utf8').catch(() => ''), at.line, at.column)
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
