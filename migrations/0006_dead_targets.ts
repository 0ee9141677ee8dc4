import { Migration } from '@mikro-orm/migrations'

export default class DeadTargets extends Migration {
  override up(): void {
    // Few rows, read whole by each process: no index beside the key.
    this.addSql(`
      create table dead_targets (
        chat_id bigint primary key,
        reason text not null,
        since timestamptz not null default now()
      )`)
  }
}
