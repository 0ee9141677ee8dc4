import type { WorklogEntry } from './entities.ts'

/** A spreadsheet to which the journal is copied. */
export interface SheetsPort {
  /** What stands behind it. A `stub` writes nothing, and whoever uses it has to say so. */
  readonly kind: 'stub'
  readonly spreadsheetId: string
  /** Adds rows. @returns how many were written */
  append(entries: readonly WorklogEntry[]): Promise<number>
}

/** Takes the place of Google Sheets: writes nothing, to nowhere. */
export function sheetsStub(spreadsheetId: string): SheetsPort {
  return { kind: 'stub', spreadsheetId, append: async () => 0 }
}
