import { defineEntity, p } from '@mikro-orm/core'
import { BotUser } from 'opsgram'

const schema = defineEntity({
  name: 'PerformanceView',
  tableName: 'performance_views',
  properties: {
    user: () => p.oneToOne(BotUser).primary(),
    theme: p.enum(['light', 'dark'] as const),
    version: p.integer().version(),
  },
})

/** How somebody likes their pictures. */
export class PerformanceView extends schema.class {}

schema.setClass(PerformanceView)
