/**
 * What a plugin may import, as 'opsgram'. Everything else of the core is its own affair.
 */
/** A new key for a row: sorts by time, known before the row is written. */
export { ulid } from 'ulid'
export type {
  CardChange,
  CardKind,
  CardState,
  Face,
  Presser,
  PressResult,
  Reader,
} from './card/card.ts'
export { AccessGrant } from './database/entities/access-grant.ts'
export { AccessLockdown } from './database/entities/access-lockdown.ts'
export { AccessRole } from './database/entities/access-role.ts'
export { ApiToken } from './database/entities/api-token.ts'
export { AuditEntry, type AuditOutcome } from './database/entities/audit-entry.ts'
export { BotUser, type UserStatus } from './database/entities/bot-user.ts'
export { UserSession } from './database/entities/user-session.ts'
export type { EntityManager } from './database/orm.ts'
export { OpsError } from './errors.ts'
export type { ApiCallsApi, ServiceStatistics } from './http/client/api-log.ts'
export type {
  FetchLike,
  FetchLikeOptions,
  HttpClient,
  HttpOptions,
  RecordedCall,
} from './http/client/call.ts'
export type { HttpResponse } from './http/client/response.ts'
export type { HealthState, HealthStatus } from './http/health.ts'
export {
  bearer,
  type HmacOptions,
  type HookVerifier,
  hmac,
  standardWebhook,
} from './http/hooks/verify.ts'
export { HttpError } from './http/http-error.ts'
export { durationText } from './i18n/durations.ts'
export { isTimeZone, languageTag } from './i18n/language.ts'
export type { Translate } from './i18n/texts.ts'
export type { LogFields, Logger, LogLevel } from './log/logger.ts'
export { redactText as redact } from './log/redact.ts'
export type { BroadcastProgress } from './outbox/broadcasts.ts'
export type { OutboxMessage } from './outbox/records.ts'
export type {
  ActiveUser,
  Actor,
  Approach,
  Authentication,
  Authenticator as AuthenticatorApi,
  Authorizer as AuthorizerApi,
  PermissionDeclaration,
  Place,
} from './plugin/access.ts'
export type { PageAt } from './plugin/button/pager.ts'
export type { Cache, CacheOptions } from './plugin/cache.ts'
export type { CardsApi, CardsOf } from './plugin/cards/service.ts'
export type { PluginSkew } from './plugin/catalog/elsewhere.ts'
export type {
  AvailableArgument,
  AvailableCommand,
  GuardedCommand,
  HeldPermission,
  PluginDetails,
  PluginEvent,
  PluginStatus,
  Plugins as PluginsApi,
  ReloadOutcome,
  SwitchedOff,
} from './plugin/catalog/plugins.ts'
export type { ChatChange, ChatsApi } from './plugin/chats/service.ts'
export type { ChatSetting } from './plugin/chats/settings.ts'
export type { LogLevelsNow, LogsApi } from './plugin/logs/desk.ts'
export type { ErrorReport, KnownError } from './plugin/logs/errors.ts'
export type { LevelChoice } from './plugin/logs/levels.ts'
export type { Action } from './plugin/manifest/action.ts'
export type { Command, RateLimit } from './plugin/manifest/command.ts'
export { duration, parseDuration } from './plugin/manifest/duration.ts'
export type { EventQuery } from './plugin/manifest/event.ts'
export type { HealthReport } from './plugin/manifest/health.ts'
export type { EnqueueOptions, Job, JobContext } from './plugin/manifest/job.ts'
export { definePlugin, type Manifest } from './plugin/manifest/manifest.ts'
export type { Next, Phase } from './plugin/manifest/middleware.ts'
export type { DataSubject } from './plugin/manifest/personal-data.ts'
export type { RouteContext } from './plugin/manifest/route.ts'
export type { SessionView } from './plugin/manifest/session.ts'
export type {
  Audience,
  DefaultRole,
  EveryoneContext,
  HandlerContext,
  PluginTypes,
} from './plugin/manifest/view.ts'
export type { DeadLetter, DeadLettersApi } from './plugin/offered/dead-letters.ts'
export type { CheckState, PluginHealth } from './plugin/offered/health.ts'
export type { DeadJobDetails, JobKind, JobsApi, RunningJob } from './plugin/offered/jobs.ts'
export type { MaintenanceApi, Pause } from './plugin/offered/maintenance.ts'
export type { OutboxApi } from './plugin/offered/outbox.ts'
export type { OverviewApi, OverviewInstance, Waiting } from './plugin/offered/overview.ts'
export type { TakenTimings, Timing, TimingsApi } from './plugin/offered/timings.ts'
export type { PersonalDataApi } from './plugin/personal/personal-data.ts'
export {
  type Answer,
  type Button,
  type Buttons,
  buttons,
  type Content,
  edit,
  message,
} from './plugin/run/content.ts'
export type { OpsContext, UpdateOutcome } from './plugin/run/context.ts'
export type { NotifyOptions, NotifyTarget } from './plugin/run/notify.ts'
export type { Outcome } from './plugin/run/run.ts'
export type { Scope } from './plugin/scope.ts'
export {
  ApiCalls,
  Authenticator,
  Authorizer,
  BulkWriter,
  Cards,
  Chats,
  type CoreSettings,
  DeadLetters,
  Jobs,
  Logs,
  Maintenance,
  type OptionalToken,
  Outbox,
  Overview,
  optional,
  PersonalData,
  Plugins,
  type ServiceToken,
  Settings,
  service,
  Timings,
  Traffic,
} from './plugin/service.ts'
export type { UpdateFacts } from './telegram/facts.ts'
export type { OpenedFile } from './telegram/files/download.ts'
export type { SentCall } from './telegram/gateway.ts'
export { bold, code, Html, html, italic, link, mention, plainText, pre } from './telegram/html.ts'
export { type Cell, type TableOptions, table } from './telegram/table.ts'
export type { CallOptions, FileOptions, OpsTelegram } from './telegram/telegram.ts'
