import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { lockFolder } from '../../../core/database/folder-lock.ts'
import { exitOfChild, messageOfChild, startChild } from '../../support/child.ts'
import { freshFolder } from '../../support/folders.ts'

const locker = new URL('./fixtures/lock.ts', import.meta.url)

describe('folder lock', () => {
  let children: ChildProcess[] = []

  const start = (folder: string) => {
    const child = startChild(locker, [folder])
    children.push(child)
    return child
  }

  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(exitOfChild))
    children = []
  })

  it('refuses a second process, naming the first, the folder and the ways out', async () => {
    const folder = freshFolder()
    const child = start(folder)
    expect(await messageOfChild(child)).to.equal('locked')
    const error = await lockFolder(folder).catch((thrown: unknown) => thrown)
    expect(error).to.have.property('code', 'OPS_DATABASE_IN_USE')
    expect(error).to.have.property('message').that.contains(String(child.pid)).and.contains(folder)
    expect(error).to.have.property('hint').that.contains('DATA_DIR').and.contains('DATABASE_URL')
  })

  it('refuses a second opening in the same process', async () => {
    const folder = freshFolder()
    const lock = await lockFolder(folder)
    expect(await lockFolder(folder).catch((error: { code: string }) => error.code)).to.equal(
      'OPS_DATABASE_IN_USE',
    )
    lock.release()
    ;(await lockFolder(folder)).release()
    expect(readdirSync(folder), 'leaves nothing').to.deep.equal([])
  })

  it('takes over at once from a process ended by kill -9', async () => {
    const folder = freshFolder()
    const child = start(folder)
    await messageOfChild(child)
    child.kill('SIGKILL')
    await exitOfChild(child)
    const lock = await lockFolder(folder)
    lock.release()
    expect(readdirSync(folder)).to.deep.equal([])
  })

  it('still refuses while the holder is stopped and answers nobody', async () => {
    const folder = freshFolder()
    const child = start(folder)
    await messageOfChild(child)
    child.kill('SIGSTOP')
    expect(await lockFolder(folder).catch((error: { code: string }) => error.code)).to.equal(
      'OPS_DATABASE_IN_USE',
    )
  })

  it('sees a holder whose pid means nothing here, as in another container', async () => {
    const folder = freshFolder()
    await messageOfChild(start(folder))
    const file = join(folder, 'lock')
    const holder = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...holder, pid: 1, started: 'elsewhere' }))
    expect(await lockFolder(folder).catch((error: { code: string }) => error.code)).to.equal(
      'OPS_DATABASE_IN_USE',
    )
  })

  it('takes over when the pid on record belongs to another process by now', async () => {
    const folder = freshFolder()
    const left = { pid: process.pid, started: '1', socket: 'gone.sock', token: 'old' }
    writeFileSync(join(folder, 'lock'), JSON.stringify(left))
    ;(await lockFolder(folder)).release()
  })

  it('works in a folder whose path is too long for a socket address', async () => {
    const folder = join(freshFolder(), 'x'.repeat(120))
    mkdirSync(folder)
    const child = start(folder)
    expect(await messageOfChild(child)).to.equal('locked')
    const holder = JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'))
    expect(holder.socket).to.be.a('string')
    expect(await lockFolder(folder).catch((error: { code: string }) => error.code)).to.equal(
      'OPS_DATABASE_IN_USE',
    )
    child.kill('SIGKILL')
    await exitOfChild(child)
    ;(await lockFolder(folder)).release()
  })

  it('lets one of several win that come at once after a crash', async () => {
    const folder = freshFolder()
    const left = { pid: 2 ** 22 + 1, started: '1', socket: 'gone.sock', token: 'old' }
    writeFileSync(join(folder, 'lock'), JSON.stringify(left))
    const rivals = await Promise.allSettled(Array.from({ length: 6 }, () => lockFolder(folder)))
    const won = rivals.filter((rival) => rival.status === 'fulfilled')
    expect(won).to.have.length(1)
    for (const { value } of won) value.release()
    expect(readdirSync(folder)).to.deep.equal([])
  })
})
