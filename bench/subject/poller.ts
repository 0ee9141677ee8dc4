// A child of the benchmarks of polling: asks for updates and answers commands as others do it, and keeps nothing.
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '@grammyjs/runner'
import { Bot as GrammyBot } from 'grammy'
// biome-ignore lint/style/noRestrictedImports: the peer that is measured against
import { Telegraf } from 'telegraf'

const [, , kind, apiRoot = '', token = ''] = process.argv

const pollers: Readonly<Record<string, () => void>> = {
  telegraf: () => {
    const bot = new Telegraf(token, { telegram: { apiRoot } })
    bot.command('echo', (ctx) => ctx.reply('pong'))
    bot.command('slow', (ctx) => delay(5_000).then(() => ctx.reply('pong')))
    void bot.launch(() => process.send?.('ready'))
  },
  grammy: () => {
    const bot = new GrammyBot(token, { client: { apiRoot } })
    bot.command('echo', (ctx) => ctx.reply('pong'))
    bot.command('slow', (ctx) => delay(5_000).then(() => ctx.reply('pong')))
    run(bot)
    process.send?.('ready')
  },
}

const start = pollers[kind ?? '']
if (start === undefined) throw new Error(`no poller ${kind}`)
start()
process.on('disconnect', () => process.exit(0))
