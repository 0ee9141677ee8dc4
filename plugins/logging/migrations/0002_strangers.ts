import { Migration } from '@mikro-orm/migrations'

/** What strangers wrote is found by their Telegram id alone: for whoever wants to see it, or have it erased. */
export default class Strangers extends Migration {
  override up(): void {
    this.addSql(`
      create index message_logs_stranger on message_logs ((metadata->>'from'))
        where user_id is null and direction = 'in'`)
  }

  override down(): void {
    this.addSql('drop index message_logs_stranger')
  }
}
