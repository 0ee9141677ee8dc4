import { Migration } from '@mikro-orm/migrations'

export default class Notes extends Migration {
  override up(): void {
    this.addSql(`
      create table sample_notes (
        id varchar(26) primary key,
        author_id varchar(26) not null references bot_users (id),
        text text not null,
        created_at timestamptz not null default now(),
        version int not null default 1
      )`)
    this.addSql('create index sample_notes_created_at on sample_notes (created_at)')
    this.addSql('create index sample_notes_author on sample_notes (author_id)')
  }
}
