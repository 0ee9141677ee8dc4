import { expect } from 'chai'
import { sections } from '../../../config/names.ts'
import { generatedFiles, staleFiles } from '../../../core/cli/config.ts'
import { errorCodes } from '../../../core/errors.ts'

describe('generated files', () => {
  it('are up to date; if not: npm run generate', () => {
    expect(staleFiles()).to.deep.equal([])
  })

  it('name every variable and every error code', () => {
    const [example, configuration, errors] = generatedFiles().map(({ text }) => text)
    for (const { variables } of sections) {
      for (const name of Object.keys(variables)) {
        expect(example).to.include(`\n#${name}=`)
        expect(configuration).to.include(`| \`${name}\` |`)
      }
    }
    for (const code of Object.keys(errorCodes)) expect(errors).to.include(`## ${code}\n`)
  })
})

describe('the table of errors', () => {
  it('is in alphabetical order and each code teaches', () => {
    const codes = Object.keys(errorCodes)
    expect(codes).to.deep.equal([...codes].sort())
    for (const [code, { title, hint }] of Object.entries(errorCodes)) {
      expect(title, code).to.match(/^[A-Z].*[^.]$/)
      expect(hint, code).to.match(/^[A-Z`/].{10,}/)
    }
  })
})
