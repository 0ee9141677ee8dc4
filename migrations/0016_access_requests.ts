import { Migration } from '@mikro-orm/migrations'

export default class AccessRequests extends Migration {
  override up(): void {
    this.addSql(`
      create index bot_users_request on bot_users (telegram_id)
        where status = 'pending' and metadata->'request'->>'state' = 'open'`)
  }
}
