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
  Reporter,
  type SettleTimes,
  type WatchOptions,
  watchError,
  watchFolders,
} from '../../../../core/plugin/code/watcher.ts'
import { until } from '../../../support/wait.ts'
import { Workshop } from './folders.ts'

/** Far longer than a busy machine makes a process wait, so that what is one change is not up to it. */
const patient: SettleTimes = {
  quiet: 400,
  storm: 500,
  absent: 3_000,
  longest: 20_000,
  join: 500,
}

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

  const watch = async (
    options: Partial<Pick<WatchOptions, 'roots' | 'settle'>> = {},
    onChange?: () => Promise<void>,
  ) => {
    watcher = watchFolders({
      roots: [shop.root],
      ...options,
      onChange: async (change) => {
        changes.push(change)
        await onChange?.()
      },
      onError: (error) => errors.push(error),
    })
    await watcher.ready
  }
  /** All that was reported, by path below the workshop. */
  const seen = (from = 0) => {
    const files = changes.slice(from).flatMap((change) => [...change.files])
    return [...new Set(files.map((file) => path.relative(shop.dir, file)))].sort()
  }
  /** What is reported, in however many changes, until these are among it. */
  const reported = async (act: () => unknown, ...files: string[]) => {
    const before = changes.length
    await act()
    await until(`${files} are reported`, () => files.every((file) => seen(before).includes(file)))
    return seen(before)
  }
  /** What is the next change, when no other is on its way. */
  const oneChange = async (act: () => unknown) => {
    const before = changes.length
    await act()
    await until('a change is reported', () => changes.length > before)
    // whatever else the act has caused would be reported before a further save, or with it
    const mark = 'plugins/mark/index.ts'
    expect(await reported(() => shop.write({ [mark]: `${Math.random()}` }), mark)).to.satisfy(
      (files: string[]) => files.every((file) => file.startsWith('plugins/mark')),
    )
    return seen(before).filter((file) => !file.startsWith('plugins/mark'))
  }
  const index = 'plugins/p/index.ts'

  it('reports a save, with file and root', async () => {
    shop.write({ [index]: '1' })
    await watch()
    expect(await reported(() => shop.write({ [index]: '2' }), index)).to.deep.equal([index])
    expect([...(changes[0]?.roots ?? [])]).to.deep.equal([shop.root])
  })

  it('reports several steps of a save as one change', async () => {
    shop.write({ [index]: '1', 'plugins/mark/index.ts': '' })
    await watch({ settle: patient })
    const files = await oneChange(async () => {
      shop.write({ [index]: '' })
      await sleep(5)
      shop.write({ [index]: '2' })
    })
    expect(files).to.deep.equal([index])
  })

  it('sees an edit that leaves size and time as they were', async () => {
    shop.write({ [index]: '1' })
    await watch()
    const { atime, mtime } = statSync(shop.path(index))
    const edit = () => {
      shop.write({ [index]: '2' })
      utimesSync(shop.path(index), atime, mtime)
    }
    expect(await reported(edit, index)).to.deep.equal([index])
  })

  it('takes a save by rename for one change', async () => {
    shop.write({ [index]: '1', 'plugins/mark/index.ts': '' })
    await watch({ settle: patient })
    const files = await oneChange(() => {
      shop.write({ 'plugins/p/.index.ts.tmp': '2' })
      renameSync(shop.path('plugins/p/.index.ts.tmp'), shop.path(index))
    })
    expect(files).to.deep.equal([index])
  })

  it('takes a save by delete and create for one change', async () => {
    shop.write({ [index]: '1', 'plugins/mark/index.ts': '' })
    let reportedAbsent = false
    await watch({ settle: patient }, async () => {
      reportedAbsent ||= !existsSync(shop.path(index))
    })
    const files = await oneChange(async () => {
      unlinkSync(shop.path(index))
      // longer than an edit is waited for, shorter than a removal
      await sleep(patient.quiet * 1.5)
      shop.write({ [index]: '3' })
    })
    expect(files).to.deep.equal([index])
    expect(reportedAbsent).to.equal(false)
  })

  it('reports what is gone for good', async () => {
    shop.write({ [index]: '1', 'plugins/q/index.ts': '1' })
    await watch()
    const files = await reported(
      () => rmSync(shop.path('plugins/p'), { recursive: true }),
      'plugins/p',
    )
    expect(files.some((file) => file.startsWith('plugins/q'))).to.equal(false)
  })

  it('reports a folder that was replaced by another, and goes on watching it', async () => {
    shop.write({ [index]: '1', 'new/index.ts': 'new' })
    await watch()
    const replace = () => {
      renameSync(shop.path('plugins/p'), shop.path('old'))
      renameSync(shop.path('new'), shop.path('plugins/p'))
    }
    await reported(replace, index)
    await reported(() => shop.write({ [index]: '2' }), index)
  })

  it('makes one change of a checkout that touches many folders', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `plugins/p${i % 4}/f${i}.ts`)
    shop.write(Object.fromEntries(names.map((name) => [name, '1'])))
    shop.write({ 'plugins/mark/index.ts': '' })
    await watch({ settle: patient })
    const files = await oneChange(async () => {
      for (const name of names) {
        shop.write({ [name]: '2' })
        await sleep(2) // git writes file by file
      }
    })
    expect(files).to.deep.equal(names.sort())
  })

  it('waits while git changes files, however long it takes from one to the next', async () => {
    const names = ['plugins/p1/index.ts', 'plugins/p2/index.ts']
    shop.write(Object.fromEntries(names.map((name) => [name, '1'])))
    shop.write({ 'plugins/mark/index.ts': '' })
    await watch()
    const files = await oneChange(async () => {
      shop.write({ '.git/index.lock': '' })
      for (const name of names) {
        shop.write({ [name]: '2' })
        await sleep(200) // a folder settles in a tenth of that
      }
      rmSync(shop.path('.git/index.lock'))
    })
    expect(files).to.deep.equal(names)
  })

  it('does not wait for a lock that a dead git has left behind', async () => {
    shop.write({ [index]: '1', '.git/index.lock': '' })
    const longAgo = new Date(Date.now() - 60_000)
    utimesSync(shop.path('.git/index.lock'), longAgo, longAgo)
    await watch({ settle: { ...patient, quiet: 15, join: 15, longest: 3_600_000 } })
    await reported(() => shop.write({ [index]: '2' }), index)
  })

  it('reports a folder that never comes to rest, all the same', async () => {
    shop.write({ [index]: '1' })
    await watch({ settle: { ...patient, longest: 1_000 } })
    const writing = setInterval(() => shop.write({ 'plugins/p/log.txt': `${Math.random()}` }), 5)
    try {
      await until('a change is reported', () => changes.length > 0)
    } finally {
      clearInterval(writing)
    }
  })

  it('calls the listener for one change at a time, and loses none', async () => {
    shop.write({ [index]: '1' })
    const gate = Promise.withResolvers<void>()
    let running = 0
    let most = 0
    await watch({}, async () => {
      most = Math.max(most, ++running)
      await gate.promise
      running--
    })
    await reported(() => shop.write({ [index]: '2' }), index)
    const names = ['plugins/p/a.ts', 'plugins/p/b.ts', 'plugins/p/c.ts']
    for (const name of names) {
      shop.write({ [name]: '' })
      await sleep(30)
    }
    expect(changes).to.have.length(1)
    await reported(() => gate.resolve(), ...names)
    expect(most).to.equal(1)
  })

  it('makes one change of all that settled while the listener worked', async () => {
    const gate = Promise.withResolvers<void>()
    const reporter = new Reporter({
      onChange: async (change) => {
        changes.push(change)
        await gate.promise
      },
      onError: (error) => errors.push(error),
    })
    const settled = (name: string) =>
      reporter.add({ roots: new Set([shop.root]), files: new Set([shop.path(name)]) })
    for (const name of ['first', 'a', 'b', 'c']) settled(name)
    expect(seen()).to.deep.equal(['first'])
    gate.resolve()
    await until('the further change', () => changes.length > 1)
    expect(seen(1)).to.deep.equal(['a', 'b', 'c'])
    await reporter.close()
    expect(changes).to.have.length(2)
  })

  it('waits for a root that is not there yet, or that went and came back', async () => {
    await watch()
    await reported(() => shop.write({ [index]: '1' }), index)
    await reported(() => rmSync(shop.root, { recursive: true }), 'plugins')
    await reported(() => shop.write({ [index]: '2' }), index)
    await reported(() => shop.write({ [index]: '3' }), index)
  })

  it('watches several roots, and folders that are links, by the path through the root', async () => {
    shop.write({ 'home/mine/index.ts': '1', 'more/q/index.ts': '1' })
    mkdirSync(shop.root)
    symlinkSync(shop.path('home/mine'), shop.path('plugins/mine'))
    await watch({ roots: [shop.root, shop.path('more')] })
    const linked = await reported(
      () => shop.write({ 'home/mine/index.ts': '2' }),
      'plugins/mine/index.ts',
    )
    expect(linked).to.deep.equal(['plugins/mine/index.ts'])
    await reported(() => shop.write({ 'more/q/index.ts': '2' }), 'more/q/index.ts')
    expect([...(changes.at(-1)?.roots ?? [])]).to.deep.equal([shop.path('more')])
  })

  it('ignores packages, dot files and editors’ backups', async () => {
    shop.write({
      [index]: '1',
      'plugins/p/node_modules/x/index.js': '1',
      'plugins/mark/index.ts': '',
    })
    await watch({ settle: patient })
    const files = await oneChange(() =>
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
    await watch({}, () => gate.promise)
    await reported(() => shop.write({ [index]: '2' }), index)
    let isClosed = false
    const closing = watcher?.close().then(() => {
      isClosed = true
    })
    writeFileSync(shop.path(index), '3')
    await sleep(50) // an ending that doesn't wait would be over by then
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
