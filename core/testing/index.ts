/**
 * What a plugin's tests may import, as 'opsgram/testing'.
 */
export type { ApiAnswer, ApiClient } from './test-bot/api.ts'
export { TestClock } from './test-bot/clock.ts'
export { createTestBot, type TestBotOptions } from './test-bot/create.ts'
export type { SeenRequest, Stub, StubAnswer, TestHttp } from './test-bot/http.ts'
export { type Patience, TestPerson } from './test-bot/person.ts'
export type { Pattern, SeenFile, Sighting } from './test-bot/sightings.ts'
export type { PluginFiles } from './test-bot/sources.ts'
export type { FailOptions, TestTelegram } from './test-bot/telegram.ts'
export { TestBot, type TestGroupOptions, type UserOptions } from './test-bot/test-bot.ts'
