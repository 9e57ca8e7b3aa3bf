/**
 * Resolves paths to nodes, one component at a time, as Linux does.
 */
import type { Caller } from "./caller.js"
import type { Directory, Link, Node } from "./node.js"
import { check, components, isTooLongName } from "./paths.js"
import { permit, permitFollowing, want } from "./permissions.js"
import { refuse } from "./refusal.js"
import { touchRead, type Volume } from "./volume.js"

/**
 * The user who resolves a path, and the start of relative paths.
 *
 * @internal
 */
export interface Session {
  readonly volume: Volume
  readonly caller: Caller
  readonly umask: number
  readonly directory: Directory
}

/**
 * The last component of a path, and the directory that it is in.
 *
 * @internal
 */
export interface Place {
  readonly directory: Directory
  /** The kind of the last component. A path like `/` lacks one: `root`. */
  readonly kind: "name" | "dot" | "dotdot" | "root"
  readonly name: string
  /** Whether a `/` follows. */
  readonly slash: boolean
}

const mostLinks = 40

const kindOf = (name: string): Place["kind"] => name === "." ? "dot" : name === ".." ? "dotdot" : "name"

/** @internal */
export const lookUp = (directory: Directory, name: string): Node | undefined => {
  if (isTooLongName(name)) refuse("ENAMETOOLONG")
  return directory.entries.get(name)
}

const asDirectory = (node: Node): Directory => node._tag === "Directory" ? node : refuse("ENOTDIR")

class Walk {
  readonly #session: Session
  #left: Array<string>
  #slash: boolean
  #links = 0
  #current: Node
  /** Set once a last component was followed by a `/`. */
  mustBeDirectory = false

  constructor(session: Session, path: string) {
    const checked = check(path)
    this.#session = session
    this.#current = checked.startsWith("/") ? session.volume.root : session.directory
    this.#left = components(checked).reverse()
    this.#slash = checked.endsWith("/")
  }

  /** As far as the last component, of the path or of the link that was followed last. */
  toLast(): Place {
    while (true) {
      const directory = this.#current
      const name = this.#left.pop()
      if (name === undefined) return { directory: asDirectory(directory), kind: "root", name: "", slash: false }
      const place: Place = {
        directory: asDirectory(directory),
        kind: kindOf(name),
        name,
        slash: this.#left.length === 0 && this.#slash
      }
      permit(this.#session.volume, this.#session.caller, directory, want.search)
      if (this.#left.length === 0) return place
      const node = this.find(place) ?? refuse("ENOENT")
      if (node._tag !== "Link") {
        this.#current = node
        continue
      }
      this.#jump(place, node.target)
      touchRead(this.#session.volume, node)
    }
  }

  find({ directory, kind, name }: Place): Node | undefined {
    switch (kind) {
      case "name":
        return lookUp(directory, name)
      case "dotdot":
        return directory.parent
      case "dot":
      case "root":
        return directory
    }
  }

  /** Continues at the target of the last component, a link. */
  follow(place: Place, link: Link): void {
    this.#jump(place, link.target)
    permitFollowing(this.#session.volume, this.#session.caller, place.directory, link)
    touchRead(this.#session.volume, link)
    this.#slash = link.target.endsWith("/")
  }

  #jump(place: Place, target: string): void {
    if (++this.#links > mostLinks) refuse("ELOOP")
    this.#left = [...this.#left, ...components(target).reverse()]
    this.#current = target.startsWith("/") ? this.#session.volume.root : place.directory
  }
}

/**
 * Resolves a path except for its last component.
 *
 * @internal
 */
export const place = (session: Session, path: string): Place => new Walk(session, path).toLast()

/**
 * Resolves a path to its node. A link is followed with `follow` or if a `/` ends the path.
 *
 * @internal
 */
export const find = (session: Session, path: string, last: "follow" | "link"): Node => {
  const walk = new Walk(session, path)
  while (true) {
    const place = walk.toLast()
    if (place.kind === "name" && place.slash) walk.mustBeDirectory = true
    const node = walk.find(place) ?? refuse("ENOENT")
    if (node._tag === "Link" && (last === "follow" || walk.mustBeDirectory)) {
      walk.follow(place, node)
      continue
    }
    return walk.mustBeDirectory ? asDirectory(node) : node
  }
}

/**
 * Resolves a path to the node to open, or to the place where a missing file is created.
 *
 * @internal
 */
export const findOrPlace = (
  session: Session,
  path: string,
  last: "follow" | "link"
): { readonly place: Place; readonly node: Node | undefined } => {
  const walk = new Walk(session, path)
  while (true) {
    const place = walk.toLast()
    if (place.kind === "name" && place.slash) refuse("EISDIR")
    const node = walk.find(place)
    if (node?._tag === "Link" && last === "follow") {
      walk.follow(place, node)
      continue
    }
    return { place, node }
  }
}
