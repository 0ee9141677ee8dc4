import type { Texts, Translate } from '../i18n/texts.ts'
import { nearest } from '../plugin/code/nearest.ts'
import type { CommandRoute } from '../plugin/generation/routes.ts'
import { usageOf } from '../plugin/manifest/arguments.ts'
import { isUsable } from '../plugin/manifest/usable.ts'
import type { UpdateRun } from '../plugin/run/run.ts'

/** What the core itself says to people, in their language. */
export class Replies {
  readonly #texts: Texts

  constructor(texts: Texts) {
    this.#texts = texts
  }

  in(run: UpdateRun): Translate {
    return this.#texts.in(run.language)
  }

  /** Suggests the nearest command that the person may use. */
  unknownCommand(run: UpdateRun, word: string): string {
    const { commands } = run.routes
    const usable = [...commands].filter(([, { command }]) => isUsable(command, run))
    const names = usable.map(([name]) => name)
    const suggestion = nearest(word, names)
    return suggestion === undefined
      ? this.in(run)('unknownCommand', { command: `/${word}` })
      : this.in(run)('unknownCommandNearest', {
          command: `/${word}`,
          suggestion: `/${suggestion}`,
        })
  }

  /** The subcommands that the person may use here; undefined when there is none. */
  subcommands(run: UpdateRun, { instance, name, command }: CommandRoute): string | undefined {
    const t = instance.texts.in(run.language)
    const lines = Object.entries(command.subcommands)
      .filter(([, sub]) => isUsable(sub, run))
      .map(([word, { args }]) => {
        const description = t(`commands.${name}.${word}.description`)
        return `${usageOf(`${name} ${word}`, args)} — ${description}`
      })
    return lines.length === 0 ? undefined : [this.in(run)('subcommands'), ...lines].join('\n')
  }
}
