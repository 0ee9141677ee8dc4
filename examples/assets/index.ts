import { BotUser, definePlugin } from 'opsgram'
import { z } from 'zod'
import { Asset } from './entities.ts'

export default definePlugin({
  name: 'assets',
  version: '1.0.0',
  description: 'Who has which notebook',
  entities: [Asset],
  commands: ({ command }) => ({
    claim: command({
      description: 'Say that a thing is yours, by the number on it',
      args: z.object({ tag: z.string().regex(/^\d{4}$/) }),
      async run(ctx, { tag }) {
        const asset = (await ctx.em.findOne(Asset, { tag })) ?? ctx.em.create(Asset, { tag })
        asset.holder = ctx.em.getReference(BotUser, ctx.actor.id)
        return `${tag} is yours.`
      },
    }),
    assets: command({
      description: 'Who has what',
      async run({ em }) {
        const all = await em.find(Asset, {}, { populate: ['holder'], orderBy: { tag: 'asc' } })
        const lines = all.map(({ tag, holder }) => `${tag}: ${holder?.firstName ?? 'nobody'}`)
        return lines.join('\n') || 'Nothing is known.'
      },
    }),
  }),
  personalData: {
    export: ({ id }, { em }) =>
      em.find(Asset, { holder: id }, { fields: ['tag'], disableIdentityMap: true }),
    erase: ({ id }, { em }) => em.nativeUpdate(Asset, { holder: id }, { holder: null }),
  },
})
