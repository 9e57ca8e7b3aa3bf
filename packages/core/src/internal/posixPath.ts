/**
 * Paths of a POSIX host, whatever this program runs on. Nothing is resolved: `..` behind a link is the host's to say.
 *
 * @internal
 */
export const parent = (path: string): string => {
  const trimmed = path.replace(/\/+$/, "")
  const cut = trimmed.lastIndexOf("/")
  if (cut < 0) return trimmed === "" && path !== "" ? "/" : "."
  return trimmed.slice(0, cut).replace(/\/+$/, "") || "/"
}

/** @internal */
export const join = (directory: string, name: string): string =>
  directory.endsWith("/") ? directory + name : `${directory}/${name}`
