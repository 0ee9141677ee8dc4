import { chmod, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'

const mebibyte = 2 ** 20
/** They are large, and hold whatever the process knows. */
const mostKept = 3
/** Of the heap's size: a snapshot is text. */
const roomFactor = 3

export interface Snapshot {
  readonly file: string
  readonly mib: number
  readonly ms: number
}

/**
 * Writes what the heap holds into a folder that only this user may read. The process stands still meanwhile. It holds
 * tokens and what people write, so it is for who has the machine, and sent nowhere.
 *
 * @param write makes the file, and may hold the process for as long as it takes
 * @throws NoRoom when the disk has too little room
 */
export async function writeSnapshot(
  folder: string,
  now: Date,
  write: (file: string) => string,
): Promise<Snapshot> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  const { bavail, bsize } = await statfs(folder)
  const needed = process.memoryUsage().heapUsed * roomFactor
  if (bavail * bsize < needed) throw new NoRoom(Math.ceil(needed / mebibyte))
  const name = `${now.toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}.heapsnapshot`
  const began = performance.now()
  const mask = process.umask(0o077)
  let file: string
  try {
    file = write(join(folder, name))
  } finally {
    process.umask(mask)
  }
  const ms = Math.round(performance.now() - began)
  const { size } = await stat(file)
  await forgetOld(folder)
  return { file, mib: Math.round(size / mebibyte), ms }
}

/** The disk has too little room for a snapshot. */
export class NoRoom extends Error {
  readonly neededMib: number

  constructor(neededMib: number) {
    super(`A snapshot of the heap needs ${neededMib} MiB`)
    this.neededMib = neededMib
  }
}

async function forgetOld(folder: string): Promise<void> {
  const all = (await readdir(folder)).filter((name) => name.endsWith('.heapsnapshot')).sort()
  for (const name of all.slice(0, -mostKept)) await rm(join(folder, name), { force: true })
}
