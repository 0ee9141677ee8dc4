// npm run bench: all benchmarks, small; npm run bench -- NAME: that one, full size. Each runs in a
// process of its own, one after another, and prints Markdown for docs/benchmarks.md.
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { machineLine } from './report/machine.ts'

const names = [
  'dispatch',
  'access',
  'users',
  'send',
  'webhook',
  'polling',
  'slow-handler',
  'jobs',
  'observe',
  'hooks',
  'dialogs',
  'clean',
  'reload',
  'reload-load',
  'heap',
  'start',
  'memory',
  'chaos',
] as const

async function run(name: string, size: 'small' | 'full'): Promise<boolean> {
  console.log(`## ${name}${size === 'small' ? ' (small: only for a first look)' : ''}\n`)
  console.log(machineLine())
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', resolve(import.meta.dirname, `${name}.ts`), size],
    { stdio: 'inherit' },
  )
  return new Promise((done) => child.once('exit', (code) => done(code === 0)))
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !names.some((known) => known === name))
if (unknown.length > 0) {
  console.error(`No benchmark ${unknown.join(', ')}; there are: ${names.join(', ')}`)
  process.exitCode = 1
} else {
  for (const name of names) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    if (!(await run(name, wanted.length > 0 ? 'full' : 'small'))) process.exitCode = 1
  }
}
