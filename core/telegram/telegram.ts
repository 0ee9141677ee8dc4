import { Telegram } from 'telegraf'
import type { Telegram as ApiMethods, Convenience, Message, Opts } from 'telegraf/types'
import { OpsError } from '../errors.ts'
import type { OpenedFile } from './files/download.ts'
import type { Html } from './html.ts'
import type { MethodName, MethodPayload, MethodResult } from './methods.ts'
import { type TextPart, textParts } from './text-parts.ts'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Time limit of one attempt, ms. */
  readonly timeoutMs?: number | undefined
  /** `false`: one attempt, no waiting for 429, no repeats. */
  readonly retry?: boolean | undefined
  /** Whether the call may be made twice; default: what is known of its method, and no for all others. */
  readonly repeatable?: boolean | undefined
  /** Waits and repeats go on for so long, ms; default 60,000. No attempt begins after that. */
  readonly patienceMs?: number | undefined
}

/**
 * `interactive`: somebody waits for it, so it leaves at once. `bulk`: at a pace that Telegram doesn't
 * limit, and not to chats that can't be written to.
 */
export type SendLane = 'interactive' | 'bulk'

export interface FileOptions {
  readonly signal?: AbortSignal | undefined
  /** Longest silence, ms; default 20,000. */
  readonly timeoutMs?: number | undefined
  /** Larger files are refused; default: what the server gives, 20 MB from Telegram's own. */
  readonly maxBytes?: number | undefined
}

/** What ties calls to the update they are made for. */
export interface CallBinding {
  /** Aborts running calls and waits. */
  readonly signal?: AbortSignal
  readonly updateId?: number
  /** When the update's time is over, as `Date.now()`; no wait or repeat goes beyond it. */
  readonly deadlineAt?: number
  /** Called, and waited for, before a call leaves whose repeat would do something twice; a throw ends the call. */
  readonly onUnsafeCall?: (method: string) => unknown
  /** Default `interactive`. */
  readonly lane?: SendLane
}

/** What stands behind every call: the gateway's inside. */
export interface Caller {
  /** Makes one call, with all waits and repeats. */
  perform(
    method: string,
    payload: object,
    options: CallOptions,
    binding: CallBinding,
  ): Promise<unknown>
  openFile(fileId: string, options: FileOptions, binding: CallBinding): Promise<OpenedFile>
  downloadFile(fileId: string, options: FileOptions, binding: CallBinding): Promise<Buffer>
  /** A link on our own HTTP server; undefined where there is none. */
  linkTo(fileId: string): URL | undefined
}

/** Telegraf's type of a signal is that of a polyfill; what is passed is Node's. */
type ShimOptions = NonNullable<Parameters<Telegram['callApi']>[2]>

/**
 * Telegraf's `Telegram` with all its shortcuts, on our gateway: every call ends in {@link callApi},
 * and nothing of Telegraf's own client is left in use. It does not know the token.
 */
export class OpsTelegram extends Telegram {
  readonly #caller: Caller
  readonly #binding: CallBinding

  constructor(caller: Caller, binding: CallBinding = {}) {
    // An empty token: whatever prints this object or asks for its token gets none (T27).
    super('', { webhookReply: false })
    this.#caller = caller
    this.#binding = binding
  }

  override callApi<M extends keyof ApiMethods>(
    method: M,
    payload: Opts<M>,
    options: CallOptions | ShimOptions = {},
  ): Promise<ReturnType<ApiMethods[M]>> {
    // The Bot API's answer is trusted to have its documented type, as in Telegraf itself.
    const result = this.#perform(method, payload, options as CallOptions)
    return result as Promise<ReturnType<ApiMethods[M]>>
  }

  /**
   * Any method, with the types of Bot API 10; one that is newer still takes any object and gives what came.
   * @throws OPS_TELEGRAM_METHOD for what takes updates away from the framework: getUpdates, setWebhook,
   * deleteWebhook, logOut, close
   */
  call<M extends MethodName>(
    method: M,
    payload: MethodPayload<M>,
    options: CallOptions = {},
  ): Promise<MethodResult<M>> {
    // The Bot API's answer is trusted to have its documented type, as in Telegraf itself.
    return this.#perform(method, payload, options) as Promise<MethodResult<M>>
  }

  #perform(method: string, payload: object, options: CallOptions): Promise<unknown> {
    return this.#caller.perform(method, payload, options, this.#binding)
  }

  /**
   * Sends text of any length: in parts of up to 4,096 characters with valid markup, in more than
   * five parts' length as a text file.
   * @returns the sent messages, in order
   */
  async sendText(
    chatId: number | string,
    text: string | Html,
    extra: Convenience.ExtraReplyMessage = {},
  ): Promise<Message[]> {
    const sent: Message[] = []
    for (const part of textParts(text, extra)) sent.push(await this.sendPart(chatId, part))
    return sent
  }

  /** Sends one of the messages that a text becomes. */
  async sendPart(chatId: number | string, { as, text, extra }: TextPart): Promise<Message> {
    if (as === 'message') return this.callApi('sendMessage', { chat_id: chatId, ...extra, text })
    const file = { source: Buffer.from(text), filename: 'message.txt' }
    return this.sendDocument(chatId, file, extra)
  }

  /**
   * Content of a file somebody sent, whole: at most 20 MB, unless more is asked for and the server gives more.
   * @throws OPS_TELEGRAM_FILE, OPS_TELEGRAM_FILE_SIZE, and as all calls
   */
  downloadFile(fileId: string, options: FileOptions = {}): Promise<Buffer> {
    return this.#caller.downloadFile(fileId, options, this.#binding)
  }

  /** The same as a stream, for what is large or goes elsewhere: read it to its end or destroy it. */
  openFile(fileId: string, options: FileOptions = {}): Promise<OpenedFile> {
    return this.#caller.openFile(fileId, options, this.#binding)
  }

  /**
   * A link to a file somebody sent, good for an hour for whoever has it. It leads to this program's own HTTP
   * server, which fetches the file: Telegram's own links hold the bot's token.
   * @throws OPS_TELEGRAM_FILE_LINK where there is no HTTP server
   */
  override async getFileLink(file: string | { readonly file_id: string }): Promise<URL> {
    const link = this.#caller.linkTo(typeof file === 'string' ? file : file.file_id)
    if (link !== undefined) return link
    throw new OpsError(
      'OPS_TELEGRAM_FILE_LINK',
      'Without an HTTP server there are no links to files',
    )
  }
}
