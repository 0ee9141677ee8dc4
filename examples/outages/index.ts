import { definePlugin, html } from 'opsgram'
import { z } from 'zod'

const answer = z.object({ outages: z.array(z.object({ site: z.string(), since: z.string() })) })

export default definePlugin({
  name: 'outages',
  version: '1.0.0',
  description: 'Outages that the provider knows of',
  config: z.object({
    url: z.string().default('https://status.example.net'),
    token: z.string().default(''),
  }),
  commands: ({ command }) => ({
    outages: command({
      description: 'What the provider says',
      async run(ctx) {
        const { url, token } = ctx.config
        const response = await ctx.http.fetch(`${url}/api/outages`, {
          service: 'provider',
          headers: { authorization: `Bearer ${token}` },
          timeoutMs: 5_000,
        })
        const { outages } = response.json(answer)
        if (outages.length === 0) return 'All is well.'
        return html`${outages.map(({ site, since }) => html`<b>${site}</b> since ${since}\n`)}`
      },
    }),
    reachable: command({
      description: 'Whether a page can be had',
      args: z.object({ address: z.url() }),
      async run(ctx, { address }) {
        // what people type must not lead to hosts inside
        const { status } = await ctx.http.fetch(address, { publicOnly: true, throwOnStatus: false })
        return `It answers with ${status}.`
      },
    }),
  }),
})
