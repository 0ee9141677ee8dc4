import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { playgroundIds } from '../../core/testing/playground/scene.ts'
import { BotProcess } from './bot-process.ts'
import { until } from './wait.ts'

/** A start has many seconds: the machine may be busy with other tests. */
export const patience = 120_000

/** A plugin whose only command answers with this text; `return answer` is in line 11. */
export const ping = (answer: string, type = 'string') => `import { definePlugin } from 'opsgram'

export default definePlugin({
  name: 'ping',
  version: '1.0.0',
  commands: ({ command }) => ({
    ping: command({
      description: 'Check that the bot answers',
      run: () => {
        const answer: ${type} = '${answer}'
        return answer
      },
    }),
  }),
})
`

const stateShape = z.object({
  messages: z.array(
    z.object({ chat: z.number(), text: z.string(), from: z.object({ bot: z.boolean() }) }),
  ),
  failed: z.array(
    z.looseObject({ type: z.string(), topic: z.string().optional(), frame: z.string().optional() }),
  ),
})

/** `opsgram dev` with its playground, talked to as the page in the browser does. */
export class DevProcess {
  readonly bot: BotProcess
  readonly #address: string

  private constructor(bot: BotProcess, address: string) {
    this.bot = bot
    this.#address = address
  }

  /** Starts it on a plugin `ping` and waits until the bot takes updates. */
  static start(...args: string[]): Promise<DevProcess> {
    return DevProcess.#start(args, { plugins: { 'ping/index.ts': ping('pong') } })
  }

  /** Starts that of a package in the project that has it installed, on what lies there. */
  static startIn(project: string): Promise<DevProcess> {
    return DevProcess.#start([], { project })
  }

  static async #start(
    args: readonly string[],
    { plugins = {}, project }: { plugins?: Record<string, string>; project?: string },
  ): Promise<DevProcess> {
    const nowhere = { BOT_TOKEN: undefined, TELEGRAM_API_ROOT: undefined, ADMIN_IDS: undefined }
    const bot = await BotProcess.create({
      env: { ...nowhere, ...(project !== undefined && { PLUGINS_DIR: undefined }) },
      firstParty: false,
      plugins,
    })
    bot.spawnDev(args, project)
    const { url } = await bot.event('http.listening', {}, patience)
    await bot.event('app.started', {}, patience)
    return new DevProcess(bot, `${url}/playground`)
  }

  /** What a page that opens now is told. */
  async state(): Promise<z.infer<typeof stateShape>> {
    return stateShape.parse(await (await fetch(`${this.#address}/state`)).json())
  }

  /** All that the bot has said, oldest first. */
  async answers(): Promise<string[]> {
    const { messages } = await this.state()
    return messages.filter(({ from }) => from.bot).map(({ text }) => text)
  }

  /** Says something as the owner. */
  async say(text: string): Promise<void> {
    const { owner } = playgroundIds
    await fetch(`${this.#address}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ as: owner, chat: owner, text }),
    })
  }

  /** The next thing that the bot says. */
  async ask(text: string): Promise<string> {
    const before = (await this.answers()).length
    await this.say(text)
    return until(`an answer to ${text}`, async () => (await this.answers())[before], patience)
  }

  /** Process of the bot; the compiler’s are others. */
  get botPid(): number {
    const { pid } = this.bot
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    const found = children.find((id) =>
      readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('cli/dev/bot'),
    )
    return Number(found)
  }
}
