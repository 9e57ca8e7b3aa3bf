/**
 * Paths of a POSIX host, whatever this program runs on. Paths for the host are not resolved here: only the
 * host knows what `..` after a link means.
 *
 * @internal
 */
export const parent = (path: string): string => {
  const trimmed = trim(path)
  const cut = trimmed.lastIndexOf("/")
  if (cut < 0) return trimmed === "" && path !== "" ? "/" : "."
  return trim(trimmed.slice(0, cut)) || "/"
}

// Without a regular expression: those take quadratic time for many slashes that are not at the end.
const trim = (path: string): string => {
  let end = path.length
  while (path[end - 1] === "/") end--
  return path.slice(0, end)
}

/**
 * Without the slashes at its end. The root keeps its own.
 *
 * @internal
 */
export const withoutSlashes = (path: string): string => trim(path) || path.slice(0, 1)

/**
 * The last name.
 *
 * @internal
 */
export const base = (path: string): string => {
  const trimmed = trim(path)
  return trimmed.slice(trimmed.lastIndexOf("/") + 1)
}

/** @internal */
export const join = (directory: string, name: string): string =>
  directory.endsWith("/") ? directory + name : `${directory}/${name}`

/**
 * An absolute path without `.`, `..` and empty names.
 *
 * @internal
 */
export const normalize = (path: string): string => {
  const names: Array<string> = []
  for (const name of path.split("/")) {
    if (name === "..") names.pop()
    else if (name !== "" && name !== ".") names.push(name)
  }
  return `/${names.join("/")}`
}

/**
 * Whether it names something in its directory: a server may send anything.
 *
 * @internal
 */
export const isName = (name: string): boolean =>
  name !== "" && name !== "." && name !== ".." && !name.includes("/") && !name.includes("\0")

/**
 * Whether a path is below a directory, both absolute and without links.
 *
 * @internal
 */
export const isWithin = (path: string, directory: string): boolean =>
  path !== directory && path.startsWith(directory === "/" ? "/" : `${directory}/`)
