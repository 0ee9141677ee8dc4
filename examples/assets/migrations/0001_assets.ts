import { Migration } from '@mikro-orm/migrations'

export default class Assets extends Migration {
  override up(): void {
    this.addSql(`
      create table assets_assets (
        id varchar(26) primary key,
        tag text not null unique,
        holder_id varchar(26) references bot_users (id) on delete set null,
        version int not null default 1
      )`)
    this.addSql('create index assets_assets_holder on assets_assets (holder_id)')
  }
}
