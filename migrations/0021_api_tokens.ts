import { Migration } from '@mikro-orm/migrations'

export default class ApiTokens extends Migration {
  override up(): void {
    this.addSql(`
      create table api_tokens (
        id text primary key,
        person bigint not null,
        name text not null,
        hash text not null,
        expires_at timestamptz not null,
        last_used_at timestamptz,
        created_at timestamptz not null default now(),
        unique (person, name)
      )`)
  }
}
