/**
 * The option `existing`: whether an entry of the target stays as it is.
 */
import type { Options } from "../../../Transfer.js"
import type { FileInfo } from "../endpoint.js"

const seconds = (time: number) => Math.floor(time / 1000)

/**
 * Why the target's file or link is kept, or `undefined` if it is not. SFTP has times in seconds.
 *
 * @internal
 */
export const reason = (
  { existing: policy = "replace" }: Options,
  seen: FileInfo,
  existing: FileInfo | undefined
): string | undefined => {
  if (existing === undefined || policy === "replace") return undefined
  if (policy === "keep") return "the target exists"
  return existing.type === "File" && seen.type === "File" && seconds(existing.mtime) > seconds(seen.mtime)
    ? "the target is newer"
    : undefined
}
