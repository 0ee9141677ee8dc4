import type { EventEmitter } from 'node:events'

/** How a reload went; shown as a banner, with the code frame where there is one. */
export interface ReloadNotice {
  readonly type: 'reload'
  readonly ok: boolean
  /** What was tried: `reload` replaces a version that serves, `load` has none before it. */
  readonly change: 'load' | 'reload' | 'unload'
  readonly plugin: string
  readonly generation?: number
  readonly ms?: number
  /** An `OPS_…` code and what happened, when it failed. */
  readonly code?: string
  readonly message?: string
  /** Lines of source around the mistake. */
  readonly frame?: string
}

/** What concerns the program as a whole while it is worked on: type errors, that it ended. */
export interface WorkNotice {
  readonly type: 'work'
  /** A newer notice of a topic takes the place of the one before. */
  readonly topic: 'types' | 'program'
  readonly ok: boolean
  readonly title: string
  readonly message?: string
  /** Lines of source, or of output. */
  readonly frame?: string
}

export type PlaygroundNotice = ReloadNotice | WorkNotice

/** Where the playground hears what to tell by a banner. */
export type PlaygroundNotices = EventEmitter<{ notice: [PlaygroundNotice] }>
