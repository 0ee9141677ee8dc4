import type { PlaygroundNotice } from '../../testing/playground/notices.ts'
import type { DevPlugins } from './plugins.ts'

/** What `opsgram dev` tells the bot that it starts: its argument, as JSON. */
export interface BotSettings {
  readonly plugins: DevPlugins
  /** The fake Telegram of the playground; without one the bot uses its own token. */
  readonly fake?: { readonly token: string; readonly url: string }
}

/** What the bot tells back, over the channel between the two processes. */
export type FromBot =
  | { readonly type: 'bound'; readonly url: string }
  | { readonly type: 'started' }
  | { readonly type: 'notice'; readonly notice: PlaygroundNotice }
  /** Core variables changed in `.env`: they take effect at a new start. */
  | { readonly type: 'settings'; readonly variables: readonly string[] }
