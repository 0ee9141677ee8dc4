import { type Token, tokensOf } from './tokens.ts'

/** One statement of an SQL text. */
export interface Statement {
  /** As it is written, without the closing semicolon. */
  readonly text: string
  readonly tokens: readonly Token[]
}

/** Splits a text at the semicolons that end statements. */
export function statementsOf(sql: string): Statement[] {
  const statements: Statement[] = []
  let current: Token[] = []
  const close = () => {
    const [first, last] = [current[0], current.at(-1)]
    if (first !== undefined && last !== undefined) {
      statements.push({ text: sql.slice(first.from, last.to), tokens: current })
    }
    current = []
  }
  /** Open parentheses, and open blocks of a function body that is written in SQL itself. */
  let depth = 0
  let body = false
  for (const token of tokensOf(sql)) {
    const { kind, text } = token
    if (kind === 'symbol' && text === ';' && depth === 0) {
      close()
      body = false
      continue
    }
    if (kind === 'symbol' && text === '(') depth++
    else if (kind === 'symbol' && text === ')') depth--
    else if (kind === 'word' && text === 'atomic' && current.at(-1)?.text === 'begin') {
      body = true
      depth++
    } else if (kind === 'word' && body && text === 'case') depth++
    else if (kind === 'word' && body && text === 'end') depth--
    current.push(token)
  }
  close()
  return statements
}

/** Reads the tokens of a statement from left to right. */
export class Reader {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length
  }

  /** Whether these words or symbols come next. */
  sees(...texts: readonly string[]): boolean {
    return texts.every((text, index) => isWord(this.#tokens[this.#at + index], text))
  }

  /** Takes these words or symbols if they come next. */
  takes(...texts: readonly string[]): boolean {
    if (!this.sees(...texts)) return false
    this.#at += texts.length
    return true
  }

  /** Takes the one of them that comes next. */
  takesOneOf<Word extends string>(...words: readonly Word[]): Word | undefined {
    return words.find((word) => this.takes(...word.split(' ')))
  }

  next(): Token | undefined {
    return this.#tokens[this.#at++]
  }

  /** The next name; `public.name` is the same as `name`, other schemas stay in it. */
  name(): string | undefined {
    const parts: string[] = []
    do {
      const token = this.#tokens[this.#at]
      if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted'))
        return undefined
      parts.push(token.text)
      this.#at++
    } while (this.takes('.'))
    return (parts[0] === 'public' ? parts.slice(1) : parts).join('.')
  }

  /** Takes all up to one of these words outside of parentheses, at least one token. */
  until(words: ReadonlySet<string>): Token[] {
    const taken: Token[] = []
    let depth = 0
    for (let token = this.#tokens[this.#at]; token !== undefined; token = this.#tokens[this.#at]) {
      if (depth === 0 && taken.length > 0 && token.kind === 'word' && words.has(token.text)) break
      depth += depthOf(token)
      taken.push(token)
      this.#at++
    }
    return taken
  }

  /** All that comes. */
  rest(): readonly Token[] {
    return this.#tokens.slice(this.#at)
  }

  /** The names between the parentheses that come next; undefined if there is more than names in them. */
  names(): string[] | undefined {
    if (!this.takes('(')) return undefined
    const names: string[] = []
    do {
      const name = this.name()
      if (name === undefined) return undefined
      names.push(name)
    } while (this.takes(','))
    return this.takes(')') ? names : undefined
  }
}

/** Splits tokens at the commas outside of parentheses. */
export function listOf(tokens: readonly Token[]): Token[][] {
  const items: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    depth += depthOf(token)
    if (depth === 0 && isWord(token, ',')) items.push([])
    else items.at(-1)?.push(token)
  }
  return items
}

/** Whether a token is this keyword or symbol, and no name in quotes or text. */
export function isWord(token: Token | undefined, text: string): boolean {
  return token?.text === text && (token.kind === 'word' || token.kind === 'symbol')
}

function depthOf(token: Token): number {
  if (isWord(token, '(') || isWord(token, '[')) return 1
  return isWord(token, ')') || isWord(token, ']') ? -1 : 0
}
