import { Migration } from '@mikro-orm/migrations'

export default class ApiLogs extends Migration {
  override up(): void {
    this.addSql(`
      create table api_logs (
        created_at timestamptz not null,
        plugin text not null,
        service text not null,
        method text not null,
        url text not null,
        status int,
        ms int not null,
        attempt int not null,
        sent_bytes bigint,
        received_bytes bigint,
        error_code text
      )`)
    this.addSql('create index api_logs_created_at on api_logs (created_at)')
    this.addSql('create index api_logs_service on api_logs (service, created_at)')
    this.addSql('create index api_logs_plugin on api_logs (plugin, created_at)')
  }
}
