import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect } from 'chai'

const root = resolve(import.meta.dirname, '../../..')

function opsgram(args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(resolve(root, 'bin/opsgram'), args, {
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

describe('opsgram', () => {
  it('lists its commands', () => {
    const { status, stdout } = opsgram(['help'])
    expect(stdout)
      .to.match(/^ {2}new /m)
      .and.to.match(/^ {2}check /m)
      .and.to.match(/^ {2}migrate /m)
    expect(status).to.equal(0)
  })

  it('suggests the command that a misspelt one meant', () => {
    expect(opsgram(['chekc'])).to.deep.equal({
      status: 1,
      stdout: '',
      stderr: 'OPS_CLI_USAGE: There is no command "chekc"\n  → Did you mean: opsgram check?\n',
    })
  })

  it('names an option that there is not, without a stack', () => {
    const { status, stderr } = opsgram(['new', '--folder', 'x'])
    expect(stderr).to.match(/^OPS_CLI_USAGE: Unknown option '--folder'\n/)
    expect(status).to.equal(1)
  })
})
