/**
 * Limits of Linux for names and paths, in bytes. A server does not report them.
 */
import * as posixPath from "../lib/posixPath.js"
import * as text from "../lib/text.js"

// NAME_MAX
const longestName = 255

// PATH_MAX counts the NUL that ends a path.
const longestPath = 4096

/**
 * Whether the path, or a name in it, is too long.
 *
 * @internal
 */
export const isTooLong = (path: string): boolean =>
  text.encode(path).length >= longestPath || path.split("/").some((name) => text.encode(name).length > longestName)

/**
 * Whether entries of the directory can have paths that are too long.
 *
 * @internal
 */
export const canHaveTooLongEntries = (directory: string): boolean =>
  text.encode(posixPath.join(directory, "")).length + longestName >= longestPath
