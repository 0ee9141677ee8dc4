import { resolve } from 'node:path'
import type { Config } from '../../../config/config.ts'
import type { Cards as CoreCards } from '../../card/cards.ts'
import type { BulkWriter as Writer } from '../../database/bulk-writer.ts'
import type { ApiCallsApi } from '../../http/client/api-log.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import { cardsFor } from '../cards/service.ts'
import type { Plugins as PluginsApi } from '../catalog/plugins.ts'
import type { ChatsApi } from '../chats/service.ts'
import type { LogsApi } from '../logs/desk.ts'
import type { PersonalDataApi } from '../personal/personal-data.ts'
import type { CoreService } from '../reload/setup.ts'
import {
  ApiCalls,
  BulkWriter,
  Cards,
  Chats,
  type CoreSettings,
  DeadLetters,
  Jobs,
  Logs,
  Maintenance,
  Outbox,
  Overview,
  PersonalData,
  Plugins,
  type ServiceToken,
  Settings,
  Timings,
  Traffic,
} from '../service.ts'
import type { DeadLettersApi } from './dead-letters.ts'
import type { JobsApi } from './jobs.ts'
import type { MaintenanceApi } from './maintenance.ts'
import { type OutboxServiceParts, outboxFor } from './outbox.ts'
import type { OverviewApi } from './overview.ts'
import type { Timings as CoreTimings } from './timings.ts'

export interface CoreServiceParts {
  config: Config
  writer: Writer
  gateway: Gateway
  /** Late: the catalog is made over the reloader, which needs the services. */
  catalog: () => PluginsApi
  dead: DeadLettersApi
  outbox: OutboxServiceParts
  maintenance: MaintenanceApi
  jobs: JobsApi
  logs: LogsApi
  cards: CoreCards
  chats: ChatsApi
  personal: PersonalDataApi
  apiLog: ApiCallsApi
  timings: CoreTimings
  overview: OverviewApi
}

/** What the core provides to plugins, by token. */
export function coreServicesOf(parts: CoreServiceParts): readonly CoreService[] {
  const {
    config,
    writer,
    gateway,
    catalog,
    dead,
    outbox,
    maintenance,
    jobs,
    logs,
    cards,
    chats,
    apiLog,
  } = parts
  const settings: CoreSettings = {
    ownerIds: config.access.adminIds,
    access: config.access.strangers,
    defaultLanguage: config.people.locale,
    defaultTimeZone: config.people.timezone,
    notices: config.people.notices,
    dataDir: resolve(config.dataDir),
    playground: config.mode === 'playground',
  }
  return [
    service(Plugins, () => catalog()),
    service(DeadLetters, () => dead),
    service(Outbox, (scope) => outboxFor(scope.plugin, outbox)),
    service(Cards, (scope) => cardsFor(scope, cards)),
    service(Chats, () => chats),
    service(PersonalData, () => parts.personal),
    service(Maintenance, () => maintenance),
    service(Jobs, () => jobs),
    service(Logs, () => logs),
    service(ApiCalls, () => apiLog),
    service(Timings, (scope) =>
      parts.timings.for(scope.plugin, (dispose) => scope.onDispose(dispose)),
    ),
    service(Overview, () => parts.overview),
    service(Traffic, () => gateway.sent),
    service(Settings, () => settings),
    service(BulkWriter, (scope) => ({
      table: (spec) => {
        const table = writer.table(spec)
        scope.onDispose(() => table.release())
        return table
      },
    })),
  ]
}

/** Ties the service to its token's type. */
function service<T>(
  token: ServiceToken<T>,
  provideTo: (scope: Parameters<CoreService['provideTo']>[0]) => T,
): CoreService {
  return { token, provideTo }
}
