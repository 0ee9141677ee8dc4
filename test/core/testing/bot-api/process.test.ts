import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'chai'
import type { FromFake, ToFake } from '../../../../core/testing/bot-api/process.ts'

const script = join(import.meta.dirname, '../../../../core/testing/bot-api/process.ts')

describe('fake Bot API: in a process of its own', () => {
  let child: ChildProcess

  beforeEach(() => {
    child = fork(script, ['{}'], { execArgv: ['--import', 'tsx'] })
  })

  const heard = async () => (await once(child, 'message'))[0] as FromFake
  const ask = (message: ToFake) => {
    const answer = heard()
    child.send(message)
    return answer
  }

  it('pushes, breaks and counts by message, and ends with its parent', async () => {
    const ready = await heard()
    if (ready.type !== 'ready') throw new Error(`expected ready, got ${ready.type}`)
    const base = `${ready.url}/bot${ready.token}`
    await ask({ type: 'push', count: 5, chats: 2, text: '/echo hi' })
    await ask({ type: 'fault', fault: { kind: '5xx', method: 'getMe', times: 1 } })
    expect((await fetch(`${base}/getMe`)).status).to.equal(502)
    expect((await fetch(`${base}/sendMessage?chat_id=2&text=hi`)).status).to.equal(200)
    const stats = await ask({ type: 'stats' })
    expect(stats).to.deep.include({ pending: 5, counts: { getMe: 1, sendMessage: 1 } })
    const exited = once(child, 'exit')
    child.disconnect()
    expect((await exited)[0]).to.equal(0)
  })
})
