import { definePlugin } from 'opsgram'
import { z } from 'zod'

const report = z.object({ temperature: z.number() })
const minute = 60_000

export default definePlugin({
  name: 'weather',
  version: '1.0.0',
  description: 'Temperature at a site, for those who climb masts',
  commands: ({ command }) => ({
    weather: command({
      description: 'Temperature at a site',
      args: z.object({ site: z.string() }),
      async run(ctx, { site }) {
        const { temperature } = await ctx.cache.get(
          `site:${site}`,
          { ttlMs: 10 * minute, tags: ['weather'] },
          async () => {
            const url = `https://weather.example.net/${encodeURIComponent(site)}`
            return (await ctx.http.fetch(url, { service: 'weather' })).json(report)
          },
        )
        return `${site}: ${temperature} °C`
      },
    }),
    refresh: command({
      description: 'Ask anew',
      run(ctx) {
        ctx.cache.invalidateTags('weather')
        return 'Done.'
      },
    }),
  }),
})
