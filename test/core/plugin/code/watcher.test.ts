import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { OpsError } from '../../../../core/errors.ts'
import {
  type FolderChange,
  type FolderWatcher,
  watchError,
  watchFolders,
} from '../../../../core/plugin/code/watcher.ts'
import { until } from '../../../support/wait.ts'
import { Workshop } from './folders.ts'

describe('watching plugin folders', () => {
  let shop: Workshop
  let watcher: FolderWatcher | undefined
  let changes: FolderChange[]
  let errors: OpsError[]

  beforeEach(() => {
    shop = new Workshop()
    changes = []
    errors = []
  })
  afterEach(async () => {
    await watcher?.close()
    shop.remove()
    expect(errors).to.deep.equal([])
  })

  const watch = async (onChange?: () => Promise<void>, roots = [shop.root]) => {
    watcher = watchFolders({
      roots,
      onChange: async (change) => {
        changes.push(change)
        await onChange?.()
      },
      onError: (error) => errors.push(error),
    })
    await watcher.ready
  }
  const seen = (change: FolderChange | undefined) =>
    [...(change?.files ?? [])].map((file) => path.relative(shop.dir, file)).sort()
  const nextChange = async (act: () => void | Promise<void>) => {
    const before = changes.length
    await act()
    await until('a change is reported', () => changes.length > before)
    return seen(changes[before])
  }
  /** Proves that nothing else is on its way: a further save is the very next change. */
  const expectQuiet = async () => {
    const mark = shop.path('plugins/mark/index.ts')
    const files = await nextChange(() =>
      shop.write({ 'plugins/mark/index.ts': `${Math.random()}` }),
    )
    expect(files).to.include(path.relative(shop.dir, mark))
    expect(files.filter((file) => !file.startsWith('plugins/mark'))).to.deep.equal([])
  }
  const index = 'plugins/p/index.ts'

  it('reports several steps of a save as one change, with file and root', async () => {
    shop.write({ [index]: '1', 'plugins/mark/index.ts': '' })
    await watch()
    const files = await nextChange(() => {
      shop.write({ [index]: '' })
      shop.write({ [index]: '2' })
    })
    expect(files).to.deep.equal([index])
    expect([...(changes[0]?.roots ?? [])]).to.deep.equal([shop.root])
    await expectQuiet()
  })

  it('sees an edit that leaves size and time as they were', async () => {
    shop.write({ [index]: '1' })
    await watch()
    const { atime, mtime } = statSync(shop.path(index))
    const files = await nextChange(() => {
      shop.write({ [index]: '2' })
      utimesSync(shop.path(index), atime, mtime)
    })
    expect(files).to.deep.equal([index])
  })

  it('takes a save by rename, and a save by delete and create, for one change each', async () => {
    shop.write({ [index]: '1', 'plugins/mark/index.ts': '' })
    let reportedAbsent = false
    await watch(async () => {
      reportedAbsent ||= !existsSync(shop.path(index))
    })
    const renamed = await nextChange(() => {
      shop.write({ 'plugins/p/.index.ts.tmp': '2' })
      renameSync(shop.path('plugins/p/.index.ts.tmp'), shop.path(index))
    })
    expect(renamed).to.deep.equal([index])
    changes = []
    const recreated = await nextChange(async () => {
      unlinkSync(shop.path(index))
      await sleep(25) // longer than an edit is waited for, shorter than a removal
      shop.write({ [index]: '3' })
    })
    expect(recreated).to.deep.equal([index])
    expect(reportedAbsent).to.equal(false)
    await expectQuiet()
  })

  it('reports what is gone for good', async () => {
    shop.write({ [index]: '1', 'plugins/q/index.ts': '1' })
    await watch()
    const files = await nextChange(() => rmSync(shop.path('plugins/p'), { recursive: true }))
    expect(files).to.include('plugins/p')
    expect(files.some((file) => file.startsWith('plugins/q'))).to.equal(false)
  })

  it('reports a folder that was replaced by another, and goes on watching it', async () => {
    shop.write({ [index]: '1', 'new/index.ts': 'new' })
    await watch()
    await nextChange(() => {
      renameSync(shop.path('plugins/p'), shop.path('old'))
      renameSync(shop.path('new'), shop.path('plugins/p'))
    })
    expect(await nextChange(() => shop.write({ [index]: '2' }))).to.deep.equal([index])
  })

  it('makes one change of a checkout that touches many folders', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `plugins/p${i % 4}/f${i}.ts`)
    shop.write(Object.fromEntries(names.map((name) => [name, '1'])))
    shop.write({ 'plugins/mark/index.ts': '' })
    await watch()
    const before = changes.length
    for (const name of names) {
      shop.write({ [name]: '2' })
      await sleep(2) // git writes file by file
    }
    await until('the checkout is reported', () => changes.length > before)
    expect(seen(changes[before])).to.deep.equal(names.sort())
    await expectQuiet()
  })

  it('reports a folder that never comes to rest, all the same', async () => {
    shop.write({ [index]: '1' })
    await watch()
    const writing = setInterval(() => shop.write({ 'plugins/p/log.txt': `${Math.random()}` }), 5)
    try {
      await until('a change is reported', () => changes.length > 0, 3000)
    } finally {
      clearInterval(writing)
    }
  })

  it('queues exactly one more while the listener works', async () => {
    shop.write({ [index]: '1' })
    const gate = Promise.withResolvers<void>()
    await watch(() => gate.promise)
    await nextChange(() => shop.write({ [index]: '2' }))
    for (const name of ['a', 'b', 'c']) {
      shop.write({ [`plugins/p/${name}.ts`]: '' })
      await sleep(60) // each comes to rest of its own
    }
    expect(changes).to.have.length(1)
    gate.resolve()
    await until('the further change', () => changes.length > 1)
    expect(seen(changes[1])).to.deep.equal(['plugins/p/a.ts', 'plugins/p/b.ts', 'plugins/p/c.ts'])
  })

  it('waits for a root that is not there yet, or that went and came back', async () => {
    await watch()
    await nextChange(() => shop.write({ [index]: '1' }))
    await nextChange(() => rmSync(shop.root, { recursive: true }))
    const files = await nextChange(() => shop.write({ [index]: '2' }))
    expect(files).to.include(index)
    expect(await nextChange(() => shop.write({ [index]: '3' }))).to.deep.equal([index])
  })

  it('watches several roots, and folders that are links, by the path through the root', async () => {
    shop.write({ 'home/mine/index.ts': '1', 'more/q/index.ts': '1' })
    mkdirSync(shop.root)
    symlinkSync(shop.path('home/mine'), shop.path('plugins/mine'))
    await watch(undefined, [shop.root, shop.path('more')])
    const linked = await nextChange(() => shop.write({ 'home/mine/index.ts': '2' }))
    expect(linked).to.deep.equal(['plugins/mine/index.ts'])
    const other = await nextChange(() => shop.write({ 'more/q/index.ts': '2' }))
    expect(other).to.deep.equal(['more/q/index.ts'])
    expect([...(changes.at(-1)?.roots ?? [])]).to.deep.equal([shop.path('more')])
  })

  it('ignores packages, dot files and editors’ backups', async () => {
    shop.write({ [index]: '1', 'plugins/p/node_modules/x/index.js': '1' })
    await watch()
    const files = await nextChange(() =>
      shop.write({
        'plugins/p/node_modules/x/index.js': '2',
        'plugins/p/.index.ts.swp': '2',
        'plugins/p/index.ts~': '2',
        [index]: '2',
      }),
    )
    expect(files).to.deep.equal([index])
  })

  it('reports nothing after it is closed, and closes when the listener is done', async () => {
    shop.write({ [index]: '1' })
    const gate = Promise.withResolvers<void>()
    await watch(() => gate.promise)
    await nextChange(() => shop.write({ [index]: '2' }))
    let isClosed = false
    const closing = watcher?.close().then(() => {
      isClosed = true
    })
    writeFileSync(shop.path(index), '3')
    await sleep(50)
    expect(isClosed).to.equal(false)
    gate.resolve()
    await closing
    expect(changes).to.have.length(1)
  })

  it('names the system’s limit on watches and how to raise it', () => {
    const limit = watchError(Object.assign(new Error('System limit reached'), { code: 'ENOSPC' }))
    expect(limit.code).to.equal('OPS_WATCH_LIMIT')
    expect(limit.hint).to.contain('fs.inotify.max_user_watches')
    expect(watchError(new Error('other')).code).to.equal('OPS_WATCH')
  })
})
