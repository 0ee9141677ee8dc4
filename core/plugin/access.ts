import type { UpdateFacts } from '../telegram/facts.ts'
import type { Answer } from './run/content.ts'

/** A person whom the authenticator let in. */
export interface ActiveUser {
  readonly kind: 'user'
  /** Key of the person's `bot_users` row. */
  readonly id: string
  readonly telegramId: number
  /** Name for people: "Anna Petrova", else "@anna", else the id. */
  readonly name: string
  readonly username?: string
  readonly role: string
  /** IETF tag, as chosen by the person or sent by Telegram. */
  readonly language?: string
  /** IANA name. */
  readonly timeZone?: string
  /** Names the state of the person's rights: whoever keeps what follows from them compares it. */
  readonly rights?: string
}

/** The role of the people in ADMIN_IDS: they hold every permission, and approve what reloads open. */
export function isOwner({ role }: Pick<ActiveUser, 'role'>): boolean {
  return role === 'owner'
}

/** Who an update comes from, before anybody decided what that one may do. */
export type Actor =
  | ActiveUser
  | { readonly kind: 'stranger'; readonly telegramId: number; readonly language?: string }
  | { readonly kind: 'chat'; readonly chatId: number }
  | { readonly kind: 'none' }

/** What the authenticator decided about one update. */
export type Authentication =
  | { readonly admitted: true; readonly actor: ActiveUser }
  | {
      readonly admitted: false
      readonly actor: Exclude<Actor, ActiveUser>
      /** Why, for log and audit: `stranger`, `blocked`, `no-actor`. */
      readonly reason: string
      /** Set: what is open to everyone is open to this one. Absent: nothing is, as for blocked people. */
      readonly audience?: 'everyone'
      /** For the person, in private only, with a button of its plugin if there is something to press; absent: silence. */
      readonly answer?: Answer
    }

/** What an update asks for, as far as that matters to who decides about it. */
export interface Approach {
  /** A command or button that is open to everyone: to use it is no intrusion, and nothing to be counted or answered. */
  readonly open: boolean
  /**
   * Names the person's row and its `auth_epoch` as they were when the update was accepted, less than a second ago. What
   * was read of a row that had the same name holds: no rights need to be read again. Absent: they do.
   */
  readonly epoch?: string
}

/** Decides who an update comes from. Asked once an update, before any handler; a throw refuses. */
export interface Authenticator {
  authenticate(facts: UpdateFacts, approach: Approach): Promise<Authentication>
  /**
   * Somebody in whose name something is done later, such as a command that another one approved: as they are let in
   * now. Undefined: they aren't. Absent: nothing is done in anybody's name.
   */
  find?(telegramId: number): Promise<ActiveUser | undefined>
  /**
   * Whose token a request to the HTTP API bears: as they are let in now. Undefined: it is unknown, over or revoked, or
   * they aren't. Absent: no request is let in.
   *
   * @returns with the token's id, which is no secret: it stands in the log
   */
  bearer?(token: string): Promise<{ readonly user: ActiveUser; readonly token: string } | undefined>
}

/** One permission as a manifest declares it. */
export interface PermissionDeclaration {
  readonly name: string
  readonly plugin: string
  readonly description: string
  /** Roles that hold it from the start; owners hold all. */
  readonly roles: readonly string[]
}

/** Where something is asked for: rights may hold in one chat or topic alone. */
export interface Place {
  readonly chatId?: number
  readonly threadId?: number
}

/**
 * Decides what a person may do. `permissionsOf` reads what it needs once and returns a plain
 * function, so that handlers and menus can ask without waiting. A throw refuses.
 */
export interface Authorizer {
  permissionsOf(
    user: ActiveUser,
    place: Place,
  ): Promise<(permission: PermissionDeclaration) => boolean>
  /** Telegram ids of people who hold it in their private chat, owners first; not more than some dozens. */
  holders?(permission: PermissionDeclaration): Promise<readonly number[]>
}
