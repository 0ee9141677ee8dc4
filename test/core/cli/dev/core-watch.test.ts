import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { type CoreWatch, watchCore } from '../../../../core/cli/dev/core-watch.ts'
import { freshFolder } from '../../../support/folders.ts'
import { until } from '../../../support/wait.ts'

describe('what opsgram dev starts the bot anew for', () => {
  // not this checkout: who works with it meanwhile would see its bot start anew
  const root = freshFolder()
  const envFile = join(root, '.env')
  const seen: string[] = []
  let watch: CoreWatch

  const save = (file: string, text: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  const told = (what: string) => until(what, () => seen.includes(what), 60_000)

  before(async () => {
    for (const file of [
      'core/clock.ts',
      'core/cli/dev/dev.ts',
      'core/cli/templates/plain/index.ts',
    ]) {
      save(file, '1')
    }
    watch = watchCore({
      root,
      envFile,
      onCode: (file) => seen.push(`code ${file}`),
      onOwnCode: (file) => seen.push(`own ${file}`),
      onEnvironment: () => seen.push('environment'),
    })
    await watch.ready
  })
  after(() => watch.close())

  it('is code that the bot runs', async () => {
    save('core/clock.ts', '2')
    await told('code core/clock.ts')
  })

  it('is not code of opsgram dev itself, of which it says so', async () => {
    save('core/cli/dev/dev.ts', '2')
    await told('own core/cli/dev/dev.ts')
  })

  it('is not what nobody runs', async () => {
    save('core/cli/templates/plain/index.ts', '2')
    save('core/clock.md', '2')
    save('.env', 'LOCALE=ru')
    await told('environment')
    expect(seen).to.deep.equal(['code core/clock.ts', 'own core/cli/dev/dev.ts', 'environment'])
  })
})
