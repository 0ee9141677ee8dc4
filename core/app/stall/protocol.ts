/** What the thread is given. */
export interface StallWatch {
  /** See `slots`. */
  readonly shared: SharedArrayBuffer
  readonly limitMs: number
  readonly beatMs: number
  /** Where it leaves its record. */
  readonly dir: string
}

/** What stands where, as 32-bit integers, in the memory that both threads see. */
export const slots = {
  /** Grows as long as the event loop goes round. */
  beat: 0,
  /** 1 while somebody debugs, and may have it stand still on purpose. */
  debugged: 1,
  /** 1 while something was asked for that holds the event loop. */
  aside: 2,
} as const

/** What a process found out about why it stood still, before it ended itself. */
export interface StallRecord {
  /** ISO 8601. */
  readonly at: string
  /** How long its event loop had stood still, ms. */
  readonly ms: number
  /** Whose code ran; undefined: the core's, or some library's. */
  readonly plugin?: string
  /** Of the plugin, relative; else the script's address. */
  readonly file?: string
  readonly function?: string
  /** The line of JavaScript that ran. */
  readonly code?: string
}

/** Where a process leaves it for the next one. */
export const recordFile = 'stalled.json'
