import { Migration } from '@mikro-orm/migrations'

export default class LeftChats extends Migration {
  override up(): void {
    // what the cleaner asks for
    this.addSql(
      'create index groups_chats_left_at on groups_chats (left_at) where left_at is not null',
    )
  }

  override down(): void {
    this.addSql('drop index groups_chats_left_at')
  }
}
