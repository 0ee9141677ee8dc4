import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'limits',
  version: '1.0.0',
  description: 'From which load on it is worth a message',
  config: z.object({
    /** LIMITS_WARN_PERCENT */
    warnPercent: z.coerce.number().min(1).max(99).default(80),
    /** LIMITS_DISKS, comma-separated */
    disks: z
      .string()
      .default('/')
      .transform((list) => list.split(',').map((disk) => disk.trim())),
    /** LIMITS_API_TOKEN: may be missing, and is never shown */
    apiToken: z.string().min(8).optional(),
  }),
  commands: ({ command }) => ({
    limits: command({
      description: 'What is watched, and from where on',
      run({ config }) {
        const api = config.apiToken === undefined ? 'no API' : 'with the API'
        return `${config.disks.join(' and ')} from ${config.warnPercent} % on, ${api}.`
      },
    }),
  }),
})
