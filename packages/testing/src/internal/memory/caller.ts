import type { Node } from "./node.js"

/**
 * The user who makes a call. User 0 bypasses nearly all permissions.
 *
 * @internal
 */
export interface Caller {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups. */
  readonly groups: ReadonlyArray<number>
}

const superuser = 0

/** @internal */
export const isSuperuser = (caller: Caller): boolean => caller.uid === superuser

/** @internal */
export const isMember = (caller: Caller, gid: number): boolean => caller.gid === gid || caller.groups.includes(gid)

/** @internal */
export const isOwner = (caller: Caller, node: Node): boolean => isSuperuser(caller) || caller.uid === node.uid
