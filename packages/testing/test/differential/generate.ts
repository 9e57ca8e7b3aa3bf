/**
 * Generates random programs, the same one for the same seed. The generator tracks the entries that the previous steps would have
 * left, so most steps meet an existing entry.
 */
import type { OpenFlag } from "@effect/platform/FileSystem"
import { PCGRandom } from "effect/Utils"
import * as generatedScripts from "../fixtures/generatedScripts.js"
import * as lines from "./lines.js"
import {
  type AtomicOptions,
  type Commands,
  type Content,
  Input,
  type Program,
  Step,
  type TransferOptions,
  Use,
  type Verb
} from "./program.js"
import * as worlds from "./world.js"

export interface Options {
  readonly seed: number
  readonly length: number
  /** Whether connections are lost. Default: in every fourth program. */
  readonly drops?: boolean | undefined
}

const flags: ReadonlyArray<readonly [number, OpenFlag]> = [
  [8, "w"],
  [5, "a"],
  [3, "r+"],
  [3, "wx"],
  [2, "w+"],
  [2, "a+"],
  [1, "ax"],
  [1, "wx+"],
  [1, "ax+"],
  [1, "r"]
]

const modes = [0o644, 0o600, 0o755, 0o666, 0o777, 0o640, 0o400, 0o444, 0o700, 0o2755, 0o4755]

const texts = ["one\n", "two words\n", "x", "ünï\n", "a\nb\nc\n", "", "3 three\n1 one\n2 two\n", "\0\udcff\n"]

/** @see Options */
export const program = ({ drops, length, seed }: Options): Program => {
  const random = new PCGRandom(seed)
  const dice: worlds.Dice = {
    below: (count) => random.integer(count),
    chance: (percent) => random.integer(100) < percent,
    of: (...among) => among[random.integer(among.length)]!,
    weighted: (...among) => {
      let at = random.integer(among.reduce((sum, [weight]) => sum + weight, 0))
      for (const [weight, value] of among) {
        if (at < weight) return value
        at -= weight
      }
      return among[0]![1]
    }
  }
  const { below, chance, of, weighted } = dice
  const world = worlds.make(dice)
  const dropping = drops ?? seed % 4 === 0
  // `$xd/*` leads out of the directory, and an `eval` of `\$$` prints the shell's pid
  const ready = generatedScripts.sample(seed, 20).filter((script) =>
    !/[^\s(;&|]d(?:\/\*|\*\/)|eval .*\\\$\$/.test(script)
  )

  const content = (): Content => ({ text: of(...texts), times: weighted([12, 1], [4, 3], [2, 1000], [1, 5000]) })
  const pieces = (): ReadonlyArray<Content> => Array.from({ length: below(4) }, content)
  const mode = (): { readonly mode?: number } => chance(25) ? { mode: of(...modes) } : {}
  const path = () => world.any()
  const transferOptions = (): TransferOptions => ({
    symlinks: weighted([4, "preserve"], [1, "follow"], [1, "skip"]),
    skipUnchanged: chance(20) ? "quick" : undefined,
    delete: chance(15),
    timestamps: chance(30),
    mode: !chance(20),
    verify: chance(20) ? "digest" : "size"
  })
  const use = (): Use =>
    weighted<() => Use>(
      [5, () => Use.Read({ size: of(1, 4, 100, 5000, 0) })],
      [5, () => Use.Write({ content: content() })],
      [3, () => Use.Seek({ offset: of(0, 1, 5, 100, 5000), from: of("start", "current") })],
      [2, () => Use.Truncate({ size: of(0, 1, 3, 50, 5000) })],
      [2, () => Use.Stat()],
      [1, () => Use.Sync()],
      [1, () => Use.Unlink()],
      [1, () => Use.RenameTo({ path: world.fresh() })]
    )()

  const input = (): Input =>
    weighted<() => Input>(
      [8, () => Input.None()],
      [4, () => Input.Text({ content: content() })]
    )()
  const commands = (words: Commands["words"], given = input()): Commands => ({
    words,
    environment: chance(20) ? { X: of("1", "", "a b", "it's", "ü\n", "$HOME") } : {},
    directory: chance(80) ? "" : world.some("directory"),
    input: given
  })
  const verb = (): Verb =>
    weighted([5, "start"], [2, "string"], [1, "lines"], [2, "exitCode"], [1, "checkOutput"], [1, "stream"], [
      1,
      "executor"
    ])
  const sleeping = () => {
    const words = [
      "sh",
      "-c",
      of(
        "echo ready; exec sleep 1000",
        `echo x >${lines.quote(path())}; echo ready; sleep 1000; echo y >${lines.quote(path())}`
      )
    ] as const
    return { ...commands([words], Input.None()), directory: "" }
  }
  const run = () => {
    const simple = () => lines.words(dice, world)
    const words = weighted<() => Commands["words"]>(
      [8, () => [simple()]],
      [5, () => [["sh", "-c", lines.script(dice, world)]]],
      [3, () => [["sh", "-c", of(...ready)]]],
      [2, () => [lines.source(dice, world), lines.filter(dice)]],
      [1, () => [lines.source(dice, world), lines.filter(dice), lines.filter(dice)]],
      [1, () => [[of("nope", "", "<root>/nope", path(), `./${path()}`, `<root>/${path()}`), "x"]]]
    )()
    return Step.Run({ verb: verb(), commands: commands(words) })
  }

  const moved = (from: string, to: string) => world.move(from, to)
  const written = (path: string) => world.add(path, "file")

  const step = (): Step =>
    weighted<() => Step>(
      [9, () => {
        const path = world.target()
        written(path)
        return Step.Write({ path, content: content(), flag: weighted(...flags), ...mode() })
      }],
      [4, () => Step.Read({ path: world.some("file") })],
      [2, () =>
        Step.ReadPart({
          path: world.some("file"),
          offset: of(0, 0, 2, 1000),
          length: of(0, 1, 10, 100_000),
          chunkSize: of(1000, 7, 65_536)
        })],
      [3, () => {
        const path = world.target()
        written(path)
        return Step.Sink({ path, pieces: pieces(), fails: chance(30), flag: weighted(...flags), ...mode() })
      }],
      [6, () => {
        const path = world.target()
        written(path)
        const options: AtomicOptions = {
          ifAbsent: chance(25),
          durable: chance(15),
          symlinks: weighted([2, "follow"], [1, "replace"]),
          ...mode()
        }
        return Step.AtomicWrite({ path, pieces: pieces(), fails: chance(20), options })
      }],
      [6, () =>
        Step.Open({
          path: world.some("file"),
          flag: weighted([4, "r"], ...flags),
          ...mode(),
          uses: Array.from({ length: 1 + below(6) }, use)
        })],
      [8, () => {
        const path = world.fresh()
        world.add(path, "directory")
        return Step.MakeDirectory({ path, recursive: chance(40), ...mode() })
      }],
      [3, () => Step.ReadDirectory({ path: world.some("directory"), recursive: chance(40) })],
      [3, () => Step.Walk({ path: world.some("directory"), symlinks: chance(40) ? "follow" : "list" })],
      [1, () => Step.ListFiles({ path: world.some("directory") })],
      [7, () => {
        const [from, to] = [path(), chance(50) ? path() : world.fresh()]
        moved(from, to)
        return Step.Rename({ from, to })
      }],
      [3, () => {
        const [from, to] = [world.some("file"), world.fresh()]
        written(to)
        return Step.Link({ from, to })
      }],
      [6, () => {
        const [target, path] = [world.linkTarget(), world.fresh()]
        world.link(target, path)
        return Step.Symlink({ target, path })
      }],
      [5, () => {
        const path = world.any()
        world.remove(path)
        return Step.Remove({ path, recursive: chance(40), force: chance(30) })
      }],
      [7, () =>
        Step.Look({
          path: path(),
          how: of("stat", "lstat", "exists", "isDirectory", "readLink", "realPath", "expandPath")
        })],
      [2, () => Step.Access({ path: path(), readable: chance(50), writable: chance(50) })],
      [5, () => Step.Chmod({ path: path(), mode: chance(25) ? of(0, 0o200, 0o100, 0o500) : of(...modes) })],
      [1, () => Step.Chown({ path: path(), uid: of(0, 21_001), gid: of(0, 21_001) })],
      [3, () => Step.Utimes({ path: path(), atime: of(0, 1_000_000_000), mtime: of(0, 1, 1_000_000_000, 0xffffffff) })],
      [3, () => Step.Truncate({ path: world.some("file"), size: of(0, 1, 3, 10, 5000, 100_000) })],
      [4, () => {
        const [from, to] = [path(), chance(50) ? path() : world.fresh()]
        world.copy(from, to)
        return Step.Copy({ from, to, overwrite: chance(50), preserveTimestamps: chance(30) })
      }],
      [3, () => {
        const [from, to] = [world.some("file"), world.target()]
        written(to)
        return Step.CopyFile({ from, to })
      }],
      [1, () => Step.Digest({ path: world.some("file"), algorithm: of("md5", "sha1", "sha256", "sha512") })],
      [1, () => Step.Temporary({ directory: world.some("directory"), kind: of("file", "directory") })],
      [1, () => Step.Sweep({ directory: world.some("directory") })],
      [2, () => {
        const path = chance(50) ? world.fresh() : world.any()
        const source = of("tree", "tree", "file", "missing", "tree/d")
        world.add(path, source === "file" ? "file" : "directory")
        return Step.Put({ source, path, options: transferOptions() })
      }],
      [2, () => Step.Get({ path: path(), options: transferOptions() })],
      [38, run],
      [1, () =>
        Step.Run({
          verb: of("string", "checkOutput"),
          commands: commands([["seq", "1000"]], Input.None()),
          maxOutput: of(0, 3, 3893, 10_000)
        })],
      // a command that says nothing before it has read all
      [1, () =>
        Step.Run({
          verb: of("string", "exitCode", "checkOutput"),
          commands: commands([["sort"]], Input.Failing({ content: content() }))
        })],
      [1, () => Step.Interrupt({ commands: sleeping() })],
      // Not SIGINT: dash catches it, and the child of a dash loses it between fork and exec.
      [1, () => Step.Kill({ commands: sleeping(), signal: of("SIGTERM", "SIGKILL", "SIGHUP", "SIGUSR1") })],
      [dropping ? 2 : 0, () => Step.Drop()],
      [dropping ? 2 : 0, () =>
        Step.DropDuring({ ongoing: of("command", "sink", "atomicWrite", "file"), path: world.target() })]
    )()

  return { seed, steps: Array.from({ length }, step) }
}
