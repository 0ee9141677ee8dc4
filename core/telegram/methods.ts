import type { ApiMethods, Opts } from '@grammyjs/types'
import type { InputFile } from './files/multipart.ts'

/** The methods of Bot API 10: Telegraf 4.16 knows those of 7.1. Types alone, no code. */
type Methods = ApiMethods<InputFile>
type MethodPayloads = Opts<InputFile>

/** A method's name; one newer than the types is a string like any other. */
export type MethodName = keyof Methods | (string & {})

/** What a method takes; of one newer than the types any object. */
export type MethodPayload<M extends string> = M extends keyof Methods ? MethodPayloads[M] : object

/** What a method answers; of one newer than the types it has to be looked at. */
export type MethodResult<M extends string> = M extends keyof Methods
  ? ReturnType<Methods[M]>
  : unknown

/** In lower case: the server takes names in any case. */
const ownMethods: ReadonlySet<string> = new Set([
  'getupdates',
  'setwebhook',
  'deletewebhook',
  'logout',
  'close',
])

/** Whether a method takes updates away from this program: only the framework itself may call it. */
export function isOwnMethod(method: string): boolean {
  return ownMethods.has(method.toLowerCase())
}
