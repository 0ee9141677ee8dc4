import { shownStatement } from '../../database/migration/error.ts'
import { type MigrationReview, reviewMigrations } from '../../database/migration/review.ts'
import { codeOf, messageOf } from '../../errors.ts'
import type { ReadPlugin } from '../plugins.ts'
import { pathFromHere } from '../print.ts'
import type { Report } from '../report.ts'
import { withScratch } from '../scratch.ts'

const mark = 'static readonly breaking = true'

/** Runs the plugin's migrations on a scratch database, up and down, and tells which of them code from before can't live with. */
export async function checkMigrations(plugin: ReadPlugin, report: Report): Promise<void> {
  const { folder, evaluated, declaration } = plugin
  if (evaluated.migrations.length === 0) return
  const set = { owner: folder.name, migrations: evaluated.migrations }
  try {
    const reviews = await withScratch((database) => reviewMigrations(database, set))
    for (const review of reviews) {
      tellMark(review, report)
      tellDown(review, report)
      tellNotes(review, report)
      tellTables(review, declaration.tables, folder.name, report)
    }
  } catch (error) {
    report.error('migrations', error)
  }
}

function tellMark({ migration, breaking, findings }: MigrationReview, report: Report): void {
  const { name, file = '' } = migration
  const worst = findings.flatMap(({ statement, verdict }) =>
    verdict.kind === 'breaking' ? [{ statement, verdict }] : [],
  )
  if (breaking && worst.length === 0) {
    report.advice(
      `migration ${name} is marked breaking, and all it does is additive`,
      'Without the mark nobody has to wait for it, and it may run beside other instances.',
    )
  }
  if (breaking || worst.length === 0) return
  const lines = worst.flatMap(({ statement, verdict: { why, instead } }) => [
    shownStatement(statement.text),
    `  ${why}`,
    ...(instead === undefined ? [] : [`  → ${instead}`]),
  ])
  report.bad(
    `migration ${name} breaks the version before, and is not marked`,
    [
      pathFromHere(file),
      ...lines,
      `→ Or mark it: ${mark}, with a down. Docs: docs/migrations.md`,
    ].join('\n'),
  )
}

function tellDown({ migration: { name }, breaking, down }: MigrationReview, report: Report): void {
  const tell = (what: string, detail: string) =>
    breaking ? report.bad(what, detail) : report.advice(what, detail)
  if (down.kind === 'none' && breaking) {
    report.bad(
      `migration ${name} is marked breaking and has no down`,
      'It is run when the new version doesn’t come up, so that the version before finds its schema.',
    )
  }
  if (down.kind === 'differs') {
    tell(`the down of migration ${name} doesn’t undo its up`, down.lines.slice(0, 5).join('\n'))
  }
  if (down.kind === 'fails') {
    tell(
      `the down of migration ${name} fails`,
      [codeOf(down.error), messageOf(down.error)].filter(Boolean).join(': '),
    )
  }
}

function tellNotes({ migration: { name }, findings }: MigrationReview, report: Report): void {
  for (const { statement, verdict } of findings) {
    if (verdict.kind !== 'additive' || verdict.note === undefined) continue
    report.advice(`migration ${name}: ${verdict.note}`, shownStatement(statement.text))
  }
}

/** What isn't named after the plugin is nobody's when it is gone. */
function tellTables(
  { migration, tables }: MigrationReview,
  declared: readonly string[],
  plugin: string,
  report: Report,
): void {
  for (const table of tables) {
    if (table.startsWith(`${plugin}_`) || declared.includes(table)) continue
    report.advice(
      `migration ${migration.name} makes table ${table}, which nothing tells to be this plugin’s`,
      `Name it ${plugin}_…, or list it in the manifest: tables: ['${table}'].`,
    )
  }
}
