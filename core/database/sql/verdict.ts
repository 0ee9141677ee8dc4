/** What a statement means for a version of the plugin that was written before it and still runs. */
export type Verdict =
  /** It goes on as before; `note` tells what it may notice. */
  | { readonly kind: 'additive'; readonly note?: string }
  /** It may fail or do wrong, or wait for long. */
  | { readonly kind: 'breaking'; readonly why: string; readonly instead?: string }
  /** No migration may do this. */
  | { readonly kind: 'refused'; readonly why: string }

export const additive: Verdict = { kind: 'additive' }

export function breaking(why: string, instead?: string): Verdict {
  return { kind: 'breaking', why, ...(instead === undefined ? {} : { instead }) }
}

/** What was made by the statements before, in the same run: nothing that lives knows it yet. */
export class Made {
  readonly #tables = new Set<string>()
  readonly #columns = new Set<string>()
  readonly #others = new Set<string>()

  /** Names of tables, in the order of their making. */
  get tables(): readonly string[] {
    return [...this.#tables]
  }

  /** Names of all that was made. */
  get names(): readonly string[] {
    const others = [...this.#others].map((other) => other.slice(other.lastIndexOf(' ') + 1))
    return [...this.#tables, ...others]
  }

  addTable(table: string): void {
    this.#tables.add(table)
  }

  dropTable(table: string): void {
    this.#tables.delete(table)
  }

  hasTable(table: string | undefined): boolean {
    return table !== undefined && this.#tables.has(table)
  }

  /** A column that is null in all rows that are there. */
  addEmptyColumn(table: string, column: string): void {
    this.#columns.add(`${table} ${column}`)
  }

  /** Whether all of the columns were made empty just now: a rule about them can't be broken yet. */
  areEmptyColumns(table: string, columns: readonly string[] | undefined): boolean {
    return columns?.every((column) => this.#columns.has(`${table} ${column}`)) === true
  }

  /** Anything but a table: an index, a type, a function. */
  add(kind: string, name: string): void {
    this.#others.add(`${kind} ${name}`)
  }

  has(kind: string, name: string): boolean {
    return this.#others.has(`${kind} ${name}`)
  }
}
