/** Since when updates wait, and who wanted it. */
export interface Pause {
  /** Telegram id. */
  readonly by: number
  readonly name: string
  readonly since: Date
}

/** Maintenance mode, as plugins see it: all updates wait but the few by which owners look at it and end it. */
export interface MaintenanceApi {
  /** Undefined: updates are handled. */
  readonly current: Pause | undefined
  /** Holds from the next update on, on all instances and over restarts. @returns what there was before */
  pause(by: { readonly telegramId: number; readonly name: string }): Promise<Pause | undefined>
  /** What has waited is handled, in its order. @returns what there was before */
  resume(): Promise<Pause | undefined>
}
