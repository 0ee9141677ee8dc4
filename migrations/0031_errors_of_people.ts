import { Migration } from '@mikro-orm/migrations'

/** Whoever is forgotten is looked for there too. */
export default class ErrorsOfPeople extends Migration {
  override up(): void {
    this.addSql(
      'create index error_reports_user_id on error_reports (user_id) where user_id is not null',
    )
  }
}
