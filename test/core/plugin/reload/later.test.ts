import { expect } from 'chai'
import { Later } from '../../../../core/plugin/reload/later.ts'
import { silentLog } from '../../../support/log.ts'
import { until } from '../../../support/wait.ts'

describe('plugins that failed for want of the database', function () {
  this.timeout(20_000)

  it('are tried again also when the first try ends in an error', async () => {
    const tried: string[][] = []
    const later = new Later({
      probe: async () => undefined,
      async retry(names) {
        tried.push([...names])
        if (tried.length === 1) throw new Error('a folder could not be read')
      },
      log: silentLog,
    })
    later.add(['sample'])
    await until('they are tried twice', () => tried.length === 2)
    later.stop()
    expect(tried).to.deep.equal([['sample'], ['sample']])
  })

  it('are not tried any more when the stop comes while it is looked for the database', async () => {
    const probed = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    let tries = 0
    const later = new Later({
      probe() {
        probed.resolve()
        return answer.promise
      },
      async retry() {
        tries++
      },
      log: silentLog,
    })
    later.add(['sample'])
    await probed.promise
    later.stop()
    answer.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    expect(tries).to.equal(0)
  })
})
