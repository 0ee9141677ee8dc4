import { Migration } from '@mikro-orm/migrations'

export default class ConfirmationsThatLapse extends Migration {
  override up(): void {
    this.addSql(
      `create index confirmations_expires_at on confirmations (expires_at) where state = 'open'`,
    )
  }
}
