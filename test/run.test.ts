import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'

const suite = 'test/support/fixtures/suite'

async function run(
  ...args: string[]
): Promise<{ code: number | null; output: string; last: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/run.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BOT_TOKEN: 'must not reach the tests' },
  })
  const exit = new Promise<number | null>((done) => child.on('exit', done))
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  expect(errors).to.equal('')
  return { code: await exit, output, last: output.trimEnd().split('\n').at(-1) ?? '' }
}

describe('the test runner', () => {
  it('counts what really ran and fails when anything failed', async () => {
    const { code, output, last } = await run('--glob', `${suite}/*.fixture.ts`)
    expect(last).to.equal('2 passed, 6 failed, 1 skipped')
    expect(code).to.equal(1)
    expect(output).to.include('a mixed file › compares').and.include('printed by the fixture')
    expect(output).to.match(/mixed\.fixture\.ts:\d+/)
    expect(output).to.include('left alone')
    expect(output).to.include('no ground to stand on')
    expect(output).to.include('cannot be loaded')
    expect(output).to.include('its process died').and.include('exit code 3')
    expect(output).to.include('.only')
  })

  it('is content with what passes, narrowed by title', async () => {
    const { code, last } = await run(
      '--glob',
      `${suite}/mixed.fixture.ts`,
      '-g',
      'a mixed file passes',
    )
    expect(last).to.equal('1 passed, 0 failed, 0 skipped')
    expect(code).to.equal(0)
  })

  it('fails when no test ran', async () => {
    const { code, output, last } = await run('no-such-test')
    expect(output).to.include('No test ran')
    expect(last).to.equal('0 passed, 0 failed, 0 skipped')
    expect(code).to.equal(1)
  })
})
