/** What lies in a plugin's folder: code that works, or in which way it doesn't. */
export type Content =
  | { readonly kind: 'good'; readonly version: number }
  /** Fails when it is built: a syntax error, or the name of another folder. */
  | { readonly kind: 'syntax' | 'misnamed'; readonly version: number }
  /** Fails when it is set up. */
  | { readonly kind: 'setup'; readonly version: number }

/** One thing that somebody does to the files. */
export type Edit =
  | { readonly do: 'write'; readonly name: string; readonly content: Content }
  | { readonly do: 'delete'; readonly name: string }
  /** Moves the folder with what lies in it; its manifest is changed with it, or not. */
  | {
      readonly do: 'rename'
      readonly name: string
      readonly to: string
      readonly whole: boolean
      readonly content: Content
    }
  /** Changes the file that all plugins but the last import; 0: breaks it. */
  | { readonly do: 'share'; readonly word: number }

/** What a plugin answers; undefined: nothing, for it isn't there. */
export type Answers = ReadonlyMap<string, string>

/**
 * What must answer after each change of files, by the rules as the documentation tells them and without
 * anything of the program: a change is taken whole or not at all, whoever was held up by others comes when
 * those are mended, and what was broken before holds up nobody.
 */
export class Model {
  readonly disk = new Map<string, Content>()
  word = 1
  readonly #answers = new Map<string, string>()
  /** Plugins whose last attempt failed or was held up. */
  readonly #failed = new Set<string>()
  /** Of those that were held up: by whom. */
  readonly #held = new Map<string, Set<string>>()

  get answers(): Answers {
    return new Map(this.#answers)
  }

  readonly #sharing: (name: string) => boolean

  /** @param sharing whether a plugin imports the shared file */
  constructor(sharing: (name: string) => boolean) {
    this.#sharing = sharing
  }

  /** Applies edits that are seen at once. */
  apply(edits: readonly Edit[]): void {
    const written = new Set<string>()
    let shared = false
    for (const edit of edits) {
      if (edit.do === 'share') {
        this.word = edit.word
        shared = true
        continue
      }
      if (edit.do === 'write') this.disk.set(edit.name, edit.content)
      else this.disk.delete(edit.name)
      written.add(edit.name)
      if (edit.do === 'rename') {
        const { content } = edit
        this.disk.set(edit.to, edit.whole ? content : { ...content, kind: 'misnamed' })
        written.add(edit.to)
      }
    }
    this.#reload(written, shared)
  }

  #reload(written: ReadonlySet<string>, shared: boolean): void {
    const known = new Set([...this.disk.keys(), ...this.#answers.keys(), ...this.#failed])
    const touched = [...known].filter((name) => {
      if (!this.disk.has(name))
        return !this.#held.has(name) || this.#answers.get(name) === undefined
      return written.has(name) || (shared && (this.#failed.has(name) || this.#sharing(name)))
    })
    const joined = [...this.#held].flatMap(([name, by]) =>
      !touched.includes(name) && [...by].every((culprit) => touched.includes(culprit))
        ? [name]
        : [],
    )
    const old = new Set(touched.filter((name) => this.#failed.has(name) && !written.has(name)))
    // nothing served under that name, and now there is no folder either
    const gone = (name: string) => !this.disk.has(name) && !this.#answers.has(name)
    let left = [...touched, ...joined].filter((name) => !gone(name))
    for (const name of touched.filter(gone)) this.#settled(name)
    for (;;) {
      const culprits = this.#culpritsOf(left)
      if (culprits.length === 0) {
        for (const name of left) this.#commit(name)
        return
      }
      for (const name of left) {
        this.#failed.add(name)
        if (culprits.includes(name)) this.#held.delete(name)
        else this.#held.set(name, new Set(culprits))
      }
      const sound = left.filter((name) => !culprits.includes(name))
      if (sound.length === 0 || !culprits.every((name) => old.has(name))) return
      left = sound
    }
  }

  /** All that can't be built, else the first that can't be set up. */
  #culpritsOf(names: readonly string[]): readonly string[] {
    const present = names.filter((name) => this.disk.has(name)).sort()
    const unbuilt = present.filter((name) => {
      const kind = this.disk.get(name)?.kind
      return kind === 'syntax' || kind === 'misnamed' || (this.word === 0 && this.#sharing(name))
    })
    if (unbuilt.length > 0) return unbuilt
    return present.filter((name) => this.disk.get(name)?.kind === 'setup').slice(0, 1)
  }

  #commit(name: string): void {
    const content = this.disk.get(name)
    if (content === undefined) this.#answers.delete(name)
    else
      this.#answers.set(name, answerOf(name, content.version, this.#sharing(name) ? this.word : 0))
    this.#settled(name)
  }

  #settled(name: string): void {
    this.#failed.delete(name)
    this.#held.delete(name)
    for (const culprits of this.#held.values()) culprits.delete(name)
  }
}

function answerOf(name: string, version: number, word: number): string {
  return `${name} v${version} w${word}`
}
