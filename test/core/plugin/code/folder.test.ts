import {
  chmodSync,
  closeSync,
  openSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { expect } from 'chai'
import {
  findPluginFolders,
  hashFolder,
  type PluginFolder,
} from '../../../../core/plugin/code/folder.ts'
import { rejected } from '../../../support/rejected.ts'
import { Workshop } from './folders.ts'

describe('plugin folders', () => {
  let shop: Workshop
  beforeEach(() => {
    shop = new Workshop()
  })
  afterEach(() => shop.remove())

  const shown = (folders: readonly PluginFolder[]) =>
    folders.map(({ name, dir, root }) => [name, path.relative(shop.dir, dir), path.basename(root)])

  it('are told apart by files of any size and number, and keep no more of them in memory than needed', async () => {
    shop.write({ 'plugins/a/index.ts': '' })
    const large = shop.path('plugins/a/large.bin')
    const size = 200 * 2 ** 20
    // without content it needs no room on the disk
    writeFileSync(large, '')
    truncateSync(large, size)
    for (let i = 0; i < 300; i++) writeFileSync(shop.path(`plugins/a/${i}.txt`), String(i))
    const before = process.memoryUsage().rss
    const first = await hashFolder(shop.path('plugins/a'))
    expect(process.memoryUsage().rss - before).to.be.below(size / 2)
    const last = openSync(large, 'r+')
    writeSync(last, 'x', size - 1)
    closeSync(last)
    expect(await hashFolder(shop.path('plugins/a'))).to.not.equal(first)
  })

  it('that may not be read are a state of their own; a root is an error that says so', async function () {
    if (process.getuid?.() !== 0) this.skip()
    shop.write({ 'plugins/a/index.ts': '', 'plugins/a/below/x.ts': '', 'plugins/b/index.ts': '' })
    const roots = [shop.path('plugins')]
    const readable = await hashFolder(shop.path('plugins/a'))
    chmodSync(shop.dir, 0o755)
    chmodSync(shop.path('plugins/a/below'), 0)
    // root reads everything; nobody doesn't
    process.seteuid?.(65_534)
    try {
      expect(await hashFolder(shop.path('plugins/a'))).to.not.equal(readable)
      expect(await findPluginFolders(roots)).to.have.length(2)
      process.seteuid?.(0)
      chmodSync(shop.path('plugins'), 0)
      process.seteuid?.(65_534)
      const error = await rejected(findPluginFolders(roots))
      expect(error.code).to.equal('OPS_PLUGINS_DIR')
    } finally {
      process.seteuid?.(0)
      chmodSync(shop.path('plugins'), 0o755)
    }
  })

  it('are found by root and name, without shared, hidden and package folders', async () => {
    shop.write({
      'plugins/b/index.ts': '',
      'plugins/a/index.ts': '',
      'plugins/empty/notes.md': '',
      'plugins/_lib/x.ts': '',
      'plugins/.git/config': '',
      'plugins/node_modules/x/index.js': '',
      'plugins/README.md': '',
      'more/b/index.ts': '',
      'home/c/index.ts': '',
    })
    symlinkSync(shop.path('home/c'), shop.path('more/c'))
    symlinkSync(shop.path('nowhere'), shop.path('more/d'))
    const roots = ['plugins', 'absent', 'plugins/README.md', 'more'].map((name) => shop.path(name))
    expect(shown(await findPluginFolders(roots))).to.deep.equal([
      ['a', 'plugins/a', 'plugins'],
      ['b', 'plugins/b', 'plugins'],
      ['empty', 'plugins/empty', 'plugins'],
      ['b', 'more/b', 'more'],
      ['c', 'more/c', 'more'],
    ])
  })

  it('have a hash of paths and bytes, whatever size and time say', async () => {
    shop.write({ 'plugins/p/index.ts': '1', 'plugins/p/deep/a.txt': '2' })
    const { dir } = shop.folder()
    const hashes = [await hashFolder(dir)]
    const file = shop.path('plugins/p/index.ts')
    shop.write({ 'plugins/p/index.ts': '3' })
    utimesSync(file, 1, 1)
    hashes.push(await hashFolder(dir))
    shop.write({ 'plugins/p/deep/b.txt': '2' })
    hashes.push(await hashFolder(dir))
    expect(new Set(hashes).size).to.equal(3)
    shop.write({ 'plugins/p/index.ts': '3' }) // written again, with what it holds already
    expect(await hashFolder(dir)).to.equal(hashes[2])
  })

  it('have the same hash in another place, and by a link to them', async () => {
    shop.write({ 'plugins/p/index.ts': '1', 'more/q/index.ts': '1' })
    symlinkSync(shop.path('plugins/p'), shop.path('plugins/p/again')) // a circle is no trap
    symlinkSync(shop.path('more/q'), shop.path('more/r'))
    const hashes = ['plugins/p', 'more/q', 'more/r'].map((dir) => hashFolder(shop.path(dir)))
    expect(new Set(await Promise.all(hashes)).size).to.equal(1)
  })

  it('keep their hash when tests, READMEs, packages or editors’ files change', async () => {
    shop.write({ 'plugins/p/index.ts': '1' })
    const { dir } = shop.folder()
    const before = await hashFolder(dir)
    shop.write({
      'plugins/p/p.test.ts': '',
      'plugins/p/README.md': '',
      'plugins/p/node_modules/x/index.js': '',
      'plugins/p/.index.ts.swp': '',
      'plugins/p/index.ts~': '',
      'plugins/p/#index.ts#': '',
    })
    expect(await hashFolder(dir)).to.equal(before)
  })
})
