import { expect } from 'chai'
import { type DiskRoom, diskCheck } from '../../../../core/app/health/disk.ts'

const gib = 2 ** 30

describe('the check of the disk', () => {
  const room = (size: number, free: number, rest: Partial<DiskRoom> = {}): DiskRoom => ({
    bsize: 4_096,
    blocks: size / 4_096,
    bavail: free / 4_096,
    files: 0,
    ffree: 0,
    ...rest,
  })
  const look = (found: DiskRoom) => diskCheck('/data', async () => found)()

  it('is degraded when little room is left, by the size of the disk', async () => {
    expect(await look(room(100 * gib, 3 * gib))).to.deep.equal({
      status: 'up',
      detail: '3,072 MiB free',
    })
    expect(await look(room(100 * gib, gib))).to.include({ status: 'degraded' })
    expect(await look(room(4 * gib, gib))).to.include({ status: 'up' })
    const { status, detail } = await look(room(4 * gib, gib / 4))
    expect(status, 'not worse: the bot goes on with a database elsewhere').to.equal('degraded')
    expect(detail).to.equal('OPS_DISK_LOW: 256 MiB free, 0 files')
  })

  it('is degraded when no files can be made any more', async () => {
    const full = room(100 * gib, 50 * gib, { files: 1_000_000, ffree: 100 })
    expect(await look(full)).to.include({ status: 'degraded' })
  })

  it('says what keeps it from looking; a folder that is not there yet is no trouble', async () => {
    const failing = (code: string) =>
      diskCheck('/data', async () => {
        throw Object.assign(new Error(code), { code })
      })()
    expect(await failing('ENOENT')).to.deep.equal({ status: 'up' })
    expect(await failing('EACCES')).to.deep.equal({ status: 'degraded', detail: 'EACCES' })
    expect(await diskCheck(import.meta.dirname)()).to.have.property('detail')
  })
})
