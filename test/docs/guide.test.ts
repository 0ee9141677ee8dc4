import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect } from 'chai'
import { createTestBot } from 'opsgram/testing'
import { blocksOf, type GuideBlock, talk } from './guide.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const pages = globSync('docs/guide/*.md', { cwd: root })
  .sort()
  .map((path) => ({ path, text: read(path), blocks: blocksOf(read(path)) }))
const examples = globSync('examples/*/index.ts', { cwd: root })
  .map((path) => dirname(path))
  .sort()

/** `examples/hosts/index.ts` → `examples/hosts` */
const exampleOf = (file: string) => file.split('/').slice(0, 2).join('/')
const shownFiles = pages.flatMap(({ blocks }) => blocks.flatMap(({ file }) => file ?? []))

/** The conversations of a page, each with the plugins that are shown above it. */
function conversations(blocks: readonly GuideBlock[]) {
  const above = new Set<string>()
  const found: { heading: string; line: number; text: string; plugins: string[] }[] = []
  for (const { heading, line, language, file, text } of blocks) {
    if (file !== undefined) above.add(exampleOf(file))
    else if (language === 'chat') found.push({ heading, line, text, plugins: [...above] })
  }
  return found
}

describe('docs/guide', function () {
  this.timeout(180_000)
  it('shows every example, each with a test of its own', () => {
    expect(examples).to.include.members(['examples/hosts', 'examples/syslog'])
    expect([...new Set(shownFiles.map(exampleOf))].sort()).to.deep.equal(examples)
    const provided = new Set(['examples/inventory'])
    for (const example of examples) {
      const tests = globSync(`${example}/**/*.test.ts`, { cwd: root })
      if (!provided.has(example)) expect(tests, example).to.have.length(1)
    }
  })

  it('shows all files of an example but its test', () => {
    const files = globSync('examples/**/*', { cwd: root }).filter(
      (path) => statSync(join(root, path)).isFile() && !path.endsWith('.test.ts'),
    )
    expect(files.filter((path) => !shownFiles.includes(path))).to.deep.equal([])
  })

  it('shows them as they are', () => {
    const differing = pages.flatMap(({ path, blocks }) =>
      blocks
        .filter(({ file, text }) => file !== undefined && read(file) !== text)
        .map(({ file }) => `${path}: ${file}. npm run generate`),
    )
    expect(differing).to.deep.equal([])
  })

  it('shows every key of the manifest that does something', () => {
    const manifest = /export interface PluginDefinition<[\s\S]*?\n}\n/.exec(
      read('core/plugin/manifest/manifest.ts'),
    )
    const keys = [...(manifest?.[0] ?? '').matchAll(/^ {2}(\w+)\??[:(]/gm)].map(([, key]) => key)
    expect(keys).to.include('commands')
    const code = examples.map((example) => read(`${example}/index.ts`)).join('\n')
    // what only says what must be there, and names
    const declared = ['engine', 'requires', 'tables']
    const unseen = keys.filter((key) => !new RegExp(`^ {2}(async )?${key}[:(]`, 'm').test(code))
    expect(unseen.filter((key) => !declared.includes(key ?? ''))).to.deep.equal([])
  })

  it('has no link that leads nowhere', () => {
    const lost = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)#]+)(?:#([\w-]+))?\)/g)]
        .filter(([, target = '']) => !target.startsWith('https://'))
        .map(([, target = '', anchor]) => ({ file: join(root, dirname(path), target), anchor }))
        .filter(({ file, anchor }) => !leadsSomewhere(file, anchor))
        .map(({ file, anchor }) => `${path}: ${file}#${anchor ?? ''}`),
    )
    expect(lost).to.deep.equal([])
  })

  for (const { path, blocks } of pages) {
    for (const { heading, line, text, plugins } of conversations(blocks)) {
      it(`${path}, line ${line}: the conversation under “${heading}” goes as it is told`, async () => {
        await using bot = await createTestBot({ plugins: plugins.map((each) => join(root, each)) })
        const people = new Map([
          ['Olga', bot.owner],
          ['Pavel', bot.user({ role: 'operator', firstName: 'Pavel' })],
          ['Gina', bot.user({ role: 'guest', firstName: 'Gina' })],
          ['Sam', bot.user({ firstName: 'Sam' })],
        ])
        await talk(text, people)
      })
    }
  }
})

function leadsSomewhere(file: string, anchor: string | undefined): boolean {
  if (!existsSync(file)) return false
  if (anchor === undefined) return true
  const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )
  return headings.includes(anchor)
}
