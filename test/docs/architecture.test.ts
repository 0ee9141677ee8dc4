import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

/** The paths that the map names, by its indentation. */
function mapped(): string[] {
  const map = /```\n(core\/[\s\S]*?)```/.exec(page)?.[1] ?? ''
  const parents: string[] = []
  return map.split('\n').flatMap((line) => {
    const [, indent = '', names = ''] = /^( *)((?:[\w.-]+\/?(?:, )?)+) {2,}/.exec(line) ?? []
    if (names === '') return []
    const depth = indent.length / 2
    parents.length = depth
    const paths = names.split(', ').map((name) => join(...parents, name))
    parents.push(names.split(', ').at(-1) ?? '')
    return paths
  })
}

describe('docs/architecture.md', () => {
  const paths = mapped()

  it('names only what is there', () => {
    expect(paths).to.include.members(['core/app.ts', 'core/plugin/code/', 'bench/'])
    expect(paths.filter((path) => !existsSync(join(root, path)))).to.deep.equal([])
  })

  it('names every file and folder of core, and the concepts that it says are in a folder', () => {
    const own = readdirSync(join(root, 'core')).map((name) => join('core', name))
    const named = paths.map((path) => path.replace(/\/$/, ''))
    expect(named).to.include.members(own)
    const concepts = [...page.matchAll(/^ +(\w+)\/ +((?:[\w-]+ · )+[\w-]+)/gm)]
    expect(concepts.length).to.be.greaterThan(4)
    for (const [, folder = '', list = ''] of concepts) {
      if (folder === 'cli') continue
      const path = paths.find((known) => known.endsWith(`/${folder}/`)) ?? ''
      const files = readdirSync(join(root, path)).map((file) => file.replace(/\.ts$/, ''))
      expect(files, path).to.include.members(list.split(' · '))
    }
  })

  it('tells the direction of imports that is checked', () => {
    const config = readFileSync(join(root, '.dependency-cruiser.cjs'), 'utf8')
    const order = [...config.matchAll(/^ {2}\['(\w+)', '\^(.+?)'\]/gm)]
      .filter(([, , pattern = '']) => isThere(pattern))
      .map(([, name]) => name)
    const told = /`main, cli → [^`]+`/.exec(page)?.[0].match(/\w+/g)
    expect(told).to.deep.equal(order)
  })
})

/** Folders of parts to come stand in the rule already. */
function isThere(pattern: string): boolean {
  const path = pattern.replace(/\(.*$/, '.ts').replace(/\\/g, '').replace(/\$$/, '')
  const found = join(root, path)
  return existsSync(found) && (statSync(found).isDirectory() || path.endsWith('.ts'))
}
