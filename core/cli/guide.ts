import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A page of docs/guide as it has to be: each block that names a file of examples/ holds that file. */
export interface GuidePage {
  /** Relative to the root of the checkout. */
  readonly path: string
  readonly text: string
}

const folder = 'docs/guide'
const exampleBlock = /^```(\w+) (examples\/\S+)\n[\s\S]*?^```$/gm

/** @param root of the checkout */
export function guidePages(root: string): GuidePage[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => {
      const path = `${folder}/${name}`
      const page = readFileSync(join(root, path), 'utf8')
      const text = page.replaceAll(
        exampleBlock,
        (_, language: string, file: string) =>
          `\`\`\`${language} ${file}\n${readFileSync(join(root, file), 'utf8')}\`\`\``,
      )
      return { path, text }
    })
}
