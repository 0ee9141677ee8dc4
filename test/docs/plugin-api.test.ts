import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect } from 'chai'
import { createTestBot } from 'opsgram/testing'
import { checkCommand } from '../../core/cli/check/check.ts'
import { printed } from '../core/cli/output.ts'
import { freshFolder } from '../support/folders.ts'
import { blocksOf, talk } from './guide.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

describe('docs/plugin-api.md', () => {
  const page = read('docs/plugin-api.md')
  const blocks = blocksOf(page)
  let folder: string

  before(() => {
    folder = join(freshFolder(), 'plugins/disks')
    for (const { file, text } of blocks) {
      if (file === undefined) continue
      const path = join(folder, file.replace('plugins/disks/', ''))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
  })

  it('shows a manifest that passes check', async () => {
    const { code, text } = await printed(() => checkCommand([folder]))
    expect(text).not.to.match(/^ {2}[✖!]/m)
    expect(code).to.equal(0)
  })

  it('tells its conversation as it goes', async () => {
    await using bot = await createTestBot({ plugins: [folder] })
    for (const { language, text } of blocks) {
      if (language === 'chat') await talk(text, new Map([['Olga', bot.owner]]))
    }
  })

  it('shows every key of the manifest, and no other', () => {
    const manifest = /export interface PluginDefinition<[\s\S]*?\n}\n/.exec(
      read('core/plugin/manifest/manifest.ts'),
    )
    const keys = [...(manifest?.[0] ?? '').matchAll(/^ {2}(\w+)\??[:(]/gm)].map(([, key]) => key)
    const example = blocks.find(({ file }) => file?.endsWith('index.ts'))?.text ?? ''
    const shown = [...example.matchAll(/^ {2}(?:async )?(\w+)[:(]/gm)].map(([, key]) => key)
    expect(keys).to.include('commands')
    expect(shown).to.have.members(keys)
  })

  it('names all that contexts, scopes and test bots have', () => {
    const membersOf = (file: string, pattern: RegExp) =>
      [...(pattern.exec(read(file))?.[0] ?? '').matchAll(/^ {2}(?:readonly )?(\w+)[(<:]/gm)].map(
        ([, name]) => name,
      )
    const names = [
      ...membersOf('core/plugin/run/context.ts', /export interface OpsContext[\s\S]*?\n}\n/),
      ...membersOf('core/plugin/manifest/view.ts', /export interface PluginView[\s\S]*?\n}\n/),
      ...membersOf('core/plugin/scope.ts', /export interface Scope<[\s\S]*?\n}\n/),
    ]
    expect(names).to.include.members(['em', 'can', 'carry'])
    expect(names.filter((name) => !new RegExp(`[.\`]${name}\\b`).test(page))).to.deep.equal([])
  })
})
