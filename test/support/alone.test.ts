import { expect } from 'chai'
import { onceMoreAlone } from './alone.ts'
import type { FileResult } from './shards.ts'

const result = (file: string, ...titles: readonly string[]): FileResult => ({
  file,
  passed: 1,
  skipped: 0,
  failures: titles.map((title) => ({ title, text: 'why' })),
  output: '',
  ms: 1,
})
const sound = Array.from({ length: 10 }, (_, i) => result(`sound-${i}`))

/** Answers for the second run, and remembers what it was asked to run. */
function second(...results: readonly FileResult[]) {
  const asked: string[][] = []
  const run = async (files: readonly string[]) => {
    asked.push([...files])
    return results
  }
  return { asked, run }
}

describe('a file that fails beside others', () => {
  it('counts as passed when it passes alone, and is named with what it failed on', async () => {
    const { asked, run } = second(result('shaky'))
    const { results, unsteady } = await onceMoreAlone([...sound, result('shaky', 'late')], run)
    expect(asked).to.deep.equal([['shaky']])
    expect(results).to.deep.equal([...sound, result('shaky')])
    expect(unsteady.map(({ beside }) => beside)).to.deep.equal([result('shaky', 'late')])
  })

  it('stays failed when it fails alone, with the words of then', async () => {
    const { run } = second(result('broken', 'still'))
    const { results, unsteady } = await onceMoreAlone([...sound, result('broken', 'first')], run)
    expect(results.at(-1)).to.deep.equal(result('broken', 'still'))
    expect(unsteady).to.deep.equal([])
  })

  it('stays failed when the run alone tells nothing of it', async () => {
    const { results } = await onceMoreAlone([...sound, result('lost', 'first')], second().run)
    expect(results.at(-1)).to.deep.equal(result('lost', 'first'))
  })

  it('is not run again when more than five failed', async () => {
    const { asked, run } = second()
    const broken = Array.from({ length: 6 }, (_, i) => result(`broken-${i}`, 'no'))
    const { results } = await onceMoreAlone([...sound, ...broken], run)
    expect(asked).to.deep.equal([])
    expect(results).to.deep.equal([...sound, ...broken])
  })

  it('is not run again when few were run', async () => {
    const { asked, run } = second(result('shaky'))
    const few = [...sound.slice(1), result('shaky', 'late')]
    expect((await onceMoreAlone(few, run)).results).to.deep.equal(few)
    expect(asked).to.deep.equal([])
  })
})
