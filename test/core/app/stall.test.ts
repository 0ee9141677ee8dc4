import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { expect } from 'chai'
import { freshFolder } from '../../support/folders.ts'

const root = resolve(import.meta.dirname, '../../..')

describe('the watch for code without an end', () => {
  /** @returns what ended a process that stands still for twice its limit, and what it printed */
  const standsStill = (how: string): Promise<{ signal: unknown; output: string }> =>
    new Promise((done) => {
      const code = `
        import { watchStalls } from './core/app/stall/watch.ts'
        const log = { error: console.log, warn: console.log }
        const stalls = watchStalls({ limitMs: 1_000, dir: process.env.DIR, log })
        const stand = () => { for (const end = Date.now() + 2_000; Date.now() < end; ); return 'done' }
        // the thread is there after its first looks
        setTimeout(() => { console.log(${how}); process.exit() }, 1_500)`
      execFile(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '--eval', code],
        { cwd: root, env: { ...process.env, DIR: freshFolder() } },
        (error, stdout) => done({ signal: error?.signal ?? null, output: stdout }),
      )
    })

  it('lets go on what was asked for and holds the process, and nothing else', async () => {
    const [asked, wild] = await Promise.all([
      standsStill('stalls.aside(stand)'),
      standsStill('stand()'),
    ])
    expect(asked).to.deep.equal({ signal: null, output: 'done\n' })
    expect(wild).to.deep.equal({ signal: 'SIGKILL', output: '' })
  })
})
