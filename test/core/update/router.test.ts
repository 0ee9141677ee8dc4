import { expect } from 'chai'
import { definePlugin } from '../../../core/index.ts'
import { PluginCache } from '../../../core/plugin/cache.ts'
import type { PluginInstance } from '../../../core/plugin/generation/instance.ts'
import { composeRoutes } from '../../../core/plugin/generation/routes.ts'
import { readDeclaration } from '../../../core/plugin/manifest/declaration.ts'
import { MemoryStore } from '../../../core/store/memory.ts'
import { factsOf } from '../../../core/telegram/facts.ts'
import { match } from '../../../core/update/router.ts'
import { silentLog } from '../../support/log.ts'

const manifest = definePlugin({
  name: 'sample',
  version: '1.0.0',
  commands: ({ command }) => ({
    log: command({ description: 'Log', aliases: ['l'], run: () => undefined }),
    worklog: command({
      description: 'Journal',
      run: () => undefined,
      subcommands: { list: command({ description: 'List', run: () => undefined }) },
    }),
  }),
  events: ({ event }) => [
    event('message:photo', () => undefined),
    event('my_chat_member', () => undefined),
  ],
})

const declaration = readDeclaration({
  name: 'sample',
  exports: { default: manifest },
  locales: {},
  defaultLanguage: 'en',
  coreVersion: '1.0.0',
  reservedNames: new Set(),
})
const instance: PluginInstance = {
  ...declaration,
  config: {},
  result: undefined,
  coreServices: new Map(),
  cache: new PluginCache({
    plugin: 'sample',
    store: new MemoryStore(silentLog),
    elapsed: () => 0,
  }),
}
const routes = composeRoutes([instance])

const chat = { id: 5, type: 'private' as const, first_name: 'Ann' }
const from = { id: 5, is_bot: false, first_name: 'Ann' }

function message(text: string, extra: object = {}, kind = 'message') {
  const command = /^\/\S*/.exec(text)?.[0]
  const entities = command && [{ type: 'bot_command', offset: 0, length: command.length }]
  return {
    update_id: 1,
    [kind]: { message_id: 1, date: 1, chat, from, text, ...(entities && { entities }), ...extra },
  }
}

function found(update: { update_id: number }) {
  const result = match(update, factsOf(update), routes, 'opsgram_bot')
  return result.kind === 'command'
    ? `command ${result.path} [${result.text}]`
    : result.kind === 'events'
      ? `events ${result.routes.map(({ event }) => event.query).join()}`
      : result.kind
}

describe('routing an update', () => {
  it('finds commands by name and alias, whatever their case, with the text after them', () => {
    expect(found(message('/log 1h30 done'))).to.equal('command log [1h30 done]')
    expect(found(message('/LOG'))).to.equal('command log []')
    expect(found(message('/l x'))).to.equal('command log [x]')
  })

  it('finds subcommands by the first word, else the command itself', () => {
    expect(found(message('/worklog list 7'))).to.equal('command worklog list [7]')
    expect(found(message('/worklog  LIST'))).to.equal('command worklog list []')
    expect(found(message('/worklog lists'))).to.equal('command worklog [lists]')
    expect(found(message('/worklog constructor'))).to.equal('command worklog [constructor]')
  })

  it('takes a command that names this bot, and none that names another', () => {
    expect(found(message('/log@Opsgram_Bot x'))).to.equal('command log [x]')
    expect(found(message('/log@other_bot x'))).to.equal('none')
  })

  it('takes a command in a caption', () => {
    const caption = {
      text: undefined,
      caption: '/log photo of the rack',
      caption_entities: [{ type: 'bot_command', offset: 0, length: 4 }],
      photo: [],
    }
    expect(found(message('', caption))).to.equal('command log [photo of the rack]')
  })

  it('never runs an edited or a forwarded command', () => {
    expect(found(message('/log x', {}, 'edited_message'))).to.equal('none')
    const origin = { type: 'user', date: 1, sender_user: from }
    expect(found(message('/log x', { forward_origin: origin }))).to.equal('none')
  })

  it('takes a slash in the middle, or without Telegram saying so, for text', () => {
    expect(found(message('see /log'))).to.equal('none')
    expect(found(message('/log x', { entities: [] }))).to.equal('none')
  })

  it('finds listeners by kind and by what a message holds', () => {
    expect(found(message('', { text: undefined, photo: [] }))).to.equal('events message:photo')
    expect(found({ update_id: 1, ...{ my_chat_member: { chat, from, date: 1 } } })).to.equal(
      'events my_chat_member',
    )
    expect(found(message('hello'))).to.equal('none')
  })

  it('knows unknown commands and kinds that are newer than itself', () => {
    expect(found(message('/nothing'))).to.equal('unknown-command')
    expect(found({ update_id: 1, ...{ telepathy: { from, chat } } })).to.equal('none')
  })
})
