import * as Os from "node:os"
import * as Path from "node:path"

/**
 * A leading `~/` as the home directory, as `ssh` reads paths.
 *
 * @internal
 */
export const expandHome = (path: string): string =>
  path.startsWith("~/") ? Path.join(Os.homedir(), path.slice(2)) : path
