import { Migration } from '@mikro-orm/migrations'

/**
 * All rows are of one bot: a statement that is given the bot and some updates must not be able to read all of the bot's.
 * The server's planner, which knows nothing of a new table, takes the range to be short and keeps to it.
 */
export default class InboxByUpdate extends Migration {
  override up(): void {
    this.addSql('alter table inbox drop constraint inbox_pkey, add primary key (update_id, bot_id)')
  }
}
