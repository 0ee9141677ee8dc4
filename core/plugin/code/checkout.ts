import { existsSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** A lock that is older was left behind by a git that died, ms. */
const staleMs = 5_000

/**
 * Whether git is changing files of one of these folders, or has just done so: it holds its index's lock
 * from before the first file until after the last, and then writes the index. (Other commands do both
 * for a moment, too.) Read anew at each call, as a folder may become a repository at any time.
 *
 * @param settleMs for so long after it wrote the index; events of what it did may still be on their way
 */
export function isCheckingOut(folders: readonly string[], settleMs: number): boolean {
  return folders.some((folder) => {
    const repository = repositoryOf(folder)
    if (repository === undefined) return false
    const isLocked = ageOf(path.join(repository, 'index.lock')) < staleMs
    return isLocked || ageOf(path.join(repository, 'index')) < settleMs
  })
}

/** The folder with git's own files for what is checked out here. */
function repositoryOf(folder: string): string | undefined {
  for (let dir = folder; ; dir = path.dirname(dir)) {
    const git = path.join(dir, '.git')
    if (existsSync(git)) return linked(git) ?? git
    if (path.dirname(dir) === dir) return undefined
  }
}

/** In a linked working tree `.git` is a file that names the folder. */
function linked(git: string): string | undefined {
  try {
    const named = /^gitdir: (.+)$/m.exec(readFileSync(git, 'utf8'))?.[1]
    return named === undefined ? undefined : path.resolve(path.dirname(git), named)
  } catch {
    return undefined // a folder
  }
}

/** Since when it is as it is, ms; what isn't there is very old. */
function ageOf(file: string): number {
  const stats = statSync(file, { throwIfNoEntry: false })
  return stats === undefined ? Number.POSITIVE_INFINITY : Math.abs(Date.now() - stats.mtimeMs)
}
