import { definePlugin } from 'opsgram'
import { Markup } from 'telegraf'

export default definePlugin({
  name: 'legacy',
  version: '1.0.0',
  description: 'Telegraf code, as it was',
  telegraf(composer) {
    composer.hears(/^who runs (\S+)\?$/i, (ctx) =>
      ctx.reply(
        `Ask ${ctx.actor.name} about ${ctx.match[1]}.`,
        Markup.inlineKeyboard([Markup.button.callback('Thanks', 'legacy-thanks')]),
      ),
    )
    composer.action('legacy-thanks', async (ctx) => {
      await ctx.answerCbQuery('You are welcome')
      await ctx.editMessageReplyMarkup(undefined)
    })
  },
})
