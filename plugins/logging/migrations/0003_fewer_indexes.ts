import { Migration } from '@mikro-orm/migrations'

/**
 * Columns of a few values each, by which nothing is looked up: an index of them finds half of the table, and each row
 * pays for it when it is written and when it is cleaned away.
 */
export default class FewerIndexes extends Migration {
  override up(): void {
    this.addSql('drop index message_logs_kind, message_logs_direction, message_logs_outcome')
  }

  override down(): void {
    this.addSql('create index message_logs_kind on message_logs (kind, created_at)')
    this.addSql('create index message_logs_direction on message_logs (direction, created_at)')
    this.addSql('create index message_logs_outcome on message_logs (outcome, created_at)')
  }
}
