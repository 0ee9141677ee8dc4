import { spawn } from 'node:child_process'
import { cp, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import packageJson from '../package.json' with { type: 'json' }

const root = resolve(import.meta.dirname, '..')

/** What is read as it lies, from beside the code. */
const assets = [
  'core/cli/templates',
  'core/testing/playground/page',
  // Their hashes are in databases, and JavaScript made of them could come out differently another time.
  'migrations',
  'plugins',
]

/**
 * Writes what an installed package runs: the core as JavaScript with declarations, laid out as in the checkout, so
 * that every path inside it is the same; first-party plugins as sources, as a bot builds each plugin itself.
 *
 * @throws when the compiler finds anything wrong
 */
export async function writeDist(dist: string): Promise<void> {
  await rm(dist, { recursive: true, force: true })
  await compile(dist)
  for (const folder of assets) {
    await cp(join(root, folder), join(dist, folder), { recursive: true, filter: isShipped })
  }
  // marks the code as modules; what it knows of itself, it reads here
  const { name, version, type, dependencies } = packageJson
  const known = { name, version, private: true, type, dependencies }
  await writeFile(join(dist, 'package.json'), `${JSON.stringify(known, undefined, 2)}\n`)
}

/** Tests of the first-party plugins run in the checkout; those of templates belong to who writes by them. */
function isShipped(file: string): boolean {
  return !file.endsWith('.test.ts') || file.includes('/templates/')
}

async function compile(dist: string): Promise<void> {
  const compiler = resolve(root, 'node_modules/typescript-7/bin/tsc')
  const args = [compiler, '-p', join(root, 'build/tsconfig.json'), '--outDir', dist]
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const code = await new Promise((done, fail) => child.on('close', done).on('error', fail))
  if (code !== 0) throw new Error(`the compiler ended with ${code}`)
}
