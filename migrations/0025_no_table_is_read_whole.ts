import { Migration } from '@mikro-orm/migrations'

/** What screens count and what a move of a chat looks for is found by an index: test/queries.test.ts. */
export default class NoTableIsReadWhole extends Migration {
  override up(): void {
    this.addSql(`create index bot_users_active_role on bot_users (role) where status = 'active'`)
    this.addSql(`
      create index bot_users_audience on bot_users (telegram_id)
        where status = 'active' and last_seen_at is not null`)
    this.addSql(
      'create index button_payloads_chat on button_payloads (chat) where chat is not null',
    )
    this.addSql(`create index confirmations_open on confirmations (chat_id) where state = 'open'`)
    // by person, for those who show, end or delete what is theirs
    this.addSql('create index user_sessions_user on user_sessions (user_id)')
    this.addSql(
      'create index button_payloads_presser on button_payloads (presser) where presser is not null',
    )
    this.addSql('create index confirmations_requester on confirmations (requester)')
  }
}
