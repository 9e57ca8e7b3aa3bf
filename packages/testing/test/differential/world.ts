/**
 * Tracks the entries that the steps generated so far would leave, as far as they are known without running the program.
 */

export interface Dice {
  /** A whole number. */
  readonly below: (count: number) => number
  readonly chance: (percent: number) => boolean
  readonly of: <const A>(...among: readonly [A, ...ReadonlyArray<A>] | ReadonlyArray<A>) => A
  readonly weighted: <const A>(...among: ReadonlyArray<readonly [weight: number, value: A]>) => A
}

export type Kind = "file" | "directory" | "link"

export interface World {
  /** A path, mostly of an existing entry. */
  readonly any: () => string
  /** A path, mostly of an entry of that kind. */
  readonly some: (kind: Kind) => string
  /** A path that is most likely free. */
  readonly fresh: () => string
  /** A path to write to: an existing file or a new one. */
  readonly target: () => string
  readonly linkTarget: () => string
  readonly add: (path: string, kind: Kind) => void
  readonly link: (target: string, path: string) => void
  /** Whether a link may lead through another link, and so through itself. */
  readonly mayLoop: () => boolean
  readonly remove: (path: string) => void
  readonly move: (from: string, to: string) => void
  readonly copy: (from: string, to: string) => void
}

const names = ["a", "b", "c", "d", "e", "f", "m", "c d", "it's", "é", ".hidden", "\udcff\udcfe", "-n", "x".repeat(255)]

const base = (path: string) => path.replace(/[/.]+$/, "").split("/").at(-1) ?? ""

const isBelow = (path: string, above: string) => path === above || path.startsWith(`${above}/`)

export const make = ({ below, chance, of, weighted }: Dice): World => {
  const known = new Map<string, Kind>()
  // of links: the names that they may have, and those on the way to their targets
  const linked = new Set<string>()
  const through = new Set<string>()
  const paths = (kind?: Kind) =>
    [...known].flatMap(([path, one]) =>
      kind === undefined || one === kind || one === "link" && chance(20) ? [path] : []
    )
  const name = () => chance(85) ? names[below(7)]! : of(...names)

  const inside = (): string => {
    const directories = paths("directory").filter((path) => path.split("/").length < 4)
    return directories.length > 0 && chance(60) ? `${of(...directories)}/${name()}` : name()
  }
  // As people write paths.
  const written = (path: string): string =>
    weighted<() => string>(
      [90, () => path],
      [2, () => `${path}/`],
      [1, () => `${path}/.`],
      [1, () => `./${path}`],
      [1, () => path.replace("/", "//")],
      // never twice, so that nothing leads far out
      [1, () => path.includes("..") ? path : `${path}/../${name()}`],
      [2, () => `${path}/${name()}`]
    )()
  const some = (kind?: Kind): string => {
    const among = paths(kind)
    return written(among.length > 0 && chance(85) ? of(...among) : inside())
  }
  const add: World["add"] = (path, kind) => {
    known.set(path.replace(/\/+\.?$/, ""), kind)
  }
  const carry = (from: string, to: string) => {
    for (const [path, kind] of [...known]) if (isBelow(path, from)) add(`${to}${path.slice(from.length)}`, kind)
  }
  const remove = (path: string) => {
    for (const one of [...known.keys()]) if (isBelow(one, path)) known.delete(one)
  }

  return {
    any: () => some(),
    some,
    fresh: () => written(inside()),
    target: () => chance(50) ? some("file") : written(inside()),
    linkTarget: () =>
      weighted<() => string>(
        [6, () => some()],
        [2, () => `<root>/${some()}`],
        [2, name],
        [1, () => of("nowhere", ".", "<root>")]
      )().replaceAll("..", "."),
    add,
    link: (target, path) => {
      const steps = target.split("/").filter((step) => step !== "" && step !== ".")
      for (const step of steps.slice(0, -1)) through.add(step)
      if (/[/.]$/.test(target)) through.add(base(target))
      // if the path is an existing directory, the link inside it has the name of its target
      linked.add(base(path)).add(base(target))
      add(path, "link")
    },
    mayLoop: () =>
      [...through].some((name) =>
        linked.has(name) || paths().some((path) => base(path) === name && known.get(path) === "link")
      ),
    remove,
    move: (from, to) => {
      const before = [...known].filter(([path]) => isBelow(path, from))
      remove(from)
      for (const [path, kind] of before) add(`${to}${path.slice(from.length)}`, kind)
    },
    copy: carry
  }
}
