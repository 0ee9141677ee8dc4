import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect } from 'chai'

const root = resolve(import.meta.dirname, '..')

/** Forms that a number needs in each language (CLDR); `zero` is i18next's own and may be added. */
const pluralForms = { en: ['one', 'other'], ru: ['one', 'few', 'many', 'other'] } as const
type Language = keyof typeof pluralForms

/** `a.b.c` → text */
function textsOf(tree: unknown, path = ''): [key: string, text: string][] {
  if (typeof tree !== 'object' || tree === null) return [[path, String(tree)]]
  return Object.entries(tree).flatMap(([key, value]) =>
    textsOf(value, path === '' ? key : `${path}.${key}`),
  )
}

const plural = /_(zero|one|two|few|many|other)$/
const baseOf = (key: string) => key.replace(plural, '')
const valuesIn = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name)

function read(folder: string, language: Language) {
  return textsOf(JSON.parse(readFileSync(join(folder, `${language}.json`), 'utf8')))
}

// those that README lists: plugins that somebody adds beside them may speak as they like
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const firstParty = [...readme.matchAll(/\]\((plugins\/\w+)\/README\.md\)/g)].map(
  ([, folder]) => folder,
)

const folders = [
  'core/i18n/locales',
  ...firstParty
    .map((folder) => `${folder}/locales`)
    .filter((folder) => existsSync(join(root, folder))),
].map((folder) => join(root, folder))

/** What may use them: the plugin's own code, or the core's. */
function codeOf(folder: string): string {
  const own = folder.endsWith('core/i18n/locales') ? join(root, 'core') : dirname(folder)
  return (
    globSync('**/*.ts', { cwd: own })
      .filter((file) => !file.endsWith('.test.ts') && !file.startsWith('cli/templates/'))
      .map((file) => readFileSync(join(own, file), 'utf8'))
      .join('\n')
      // comments show how it is done
      .replaceAll(/^ *(\*|\/\/|\/\*\*).*$/gm, '')
  )
}

/** Told whole (`'a.b'`), with its end made up (`` `a.${b}` ``), or looked for by the core as the name of a part of the manifest. */
function isUsed(key: string, code: string): boolean {
  // with the context behind it: `t('days', { context: 'ever' })`
  const [, base = '', context = ''] = /^(.+)_([a-z]+)$/.exec(key) ?? []
  if (code.includes(`'${key}'`) || (code.includes(`'${base}'`) && code.includes(`'${context}'`)))
    return true
  const parts = key.split('.')
  if (parts.some((_, i) => i > 0 && code.includes(`\`${parts.slice(0, i).join('.')}.\${`)))
    return true
  const [section = '', ...names] = parts
  if (section === 'description') return true
  const ofManifest = ['commands', 'actions', 'permissions'].includes(section)
  const own = names.filter((name) => !['description', 'label', 'args'].includes(name))
  return ofManifest && own.every((name) => new RegExp(`\\b'?${name}'?(:|,| })`).test(code))
}

describe('locales', () => {
  it('are there for the core and every first-party plugin that people talk to', () => {
    const talking = firstParty
      .map((folder) => `${folder}/index.ts`)
      .filter((file) =>
        /^ {2}(commands|actions|events):/m.test(readFileSync(join(root, file), 'utf8')),
      )
    expect(talking).to.include('plugins/auth/index.ts')
    expect(folders.map((folder) => relative(root, folder))).to.include.members([
      'core/i18n/locales',
      ...talking.map((file) => join(dirname(file), 'locales')),
    ])
  })

  for (const folder of folders) {
    describe(relative(root, folder), () => {
      it('have the same keys in English and Russian', () => {
        const keys = (language: Language) => [
          ...new Set(read(folder, language).map(([key]) => baseOf(key))),
        ]
        expect(keys('ru').sort()).to.deep.equal(keys('en').sort())
      })

      it('have every plural form that the language needs', () => {
        for (const language of ['en', 'ru'] as const) {
          const forms = Map.groupBy(
            read(folder, language).filter(([key]) => plural.test(key)),
            ([key]) => baseOf(key),
          )
          for (const [base, texts] of forms) {
            const present = texts.map(([key]) => key.slice(base.length + 1))
            expect(present, `${base} in ${language}`).to.include.members([...pluralForms[language]])
          }
        }
      })

      it('fill the same values into both', () => {
        const values = (language: Language) =>
          Object.fromEntries(
            [...Map.groupBy(read(folder, language), ([key]) => baseOf(key))].map(([key, texts]) => [
              key,
              [...new Set(texts.flatMap(([, text]) => valuesIn(text)))].sort(),
            ]),
          )
        expect(values('ru')).to.deep.equal(values('en'))
      })

      it('hold what the code asks for, and nothing that it does not', () => {
        const keys = [...new Set(read(folder, 'en').map(([key]) => baseOf(key)))]
        const code = codeOf(folder)
        const asked = [...code.matchAll(/\bt\('([^']+)'/g)].map(([, key = '']) => key)
        expect(asked.filter((key) => !keys.includes(key)).join(', ')).to.equal('')
        expect(keys.filter((key) => !isUsed(key, code)).join(', ')).to.equal('')
      })

      it('leave no text empty or blank at its ends', () => {
        for (const language of ['en', 'ru'] as const) {
          for (const [key, text] of read(folder, language)) {
            expect(text, `${key} in ${language}`).to.equal(text.trim()).and.not.equal('')
          }
        }
      })
    })
  }
})
