import { Migration } from '@mikro-orm/migrations'

export default class Health extends Migration {
  override up(): void {
    // how each instance finds its parts: {"disk": {"status": "degraded", …}}
    this.addSql('alter table instances add column health jsonb')
    // what owners were told of last, as long as it is not well: a restart or another leader tells nothing twice
    this.addSql(`
      create table health_notices (
        check_name text primary key,
        status text not null check (status in ('up', 'degraded', 'down')),
        flapping boolean not null,
        since timestamptz not null
      )`)
  }
}
