/**
 * Detects changes of files by polling, because SFTP does not report them.
 */
import type { PlatformError } from "@effect/platform/Error"
import { WatchEventCreate, WatchEventRemove, WatchEventUpdate } from "@effect/platform/FileSystem"
import type { File, WatchBackend, WatchEvent } from "@effect/platform/FileSystem"
import * as Chunk from "effect/Chunk"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as duration from "../lib/duration.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import type { WatchOptions } from "./models.js"
import * as remoteFile from "./remoteFile.js"
import * as walks from "./walk.js"

const method = "watch"

interface Look {
  readonly type: File.Type
  /** The attributes whose change is an update. For a directory, changes of its entries do not count. */
  readonly state: string
}

/** Keys are paths relative to the watched path, which is `""` itself. A directory comes before its entries. */
type Looks = ReadonlyMap<string, Look>

const look = ({ gid, mode, mtime, size, type, uid }: File.Info): Look => {
  const owner = [mode, ...Option.toArray(uid), ...Option.toArray(gid)]
  const content = type === "Directory" ? [] : [size, ...Option.toArray(Option.map(mtime, (time) => time.getTime()))]
  return { type, state: [...owner, ...content].join(" ") }
}

const lookAt = (
  operations: Operations,
  path: string,
  { recursive = false }: WatchOptions
): Effect.Effect<Looks, PlatformError> =>
  Effect.gen(function*() {
    const looks = new Map<string, Look>()
    const found = remoteFile.info(yield* operations.stat({ method, path }))
    looks.set("", look(found))
    if (found.type === "Directory") {
      const { length } = posixPath.join(path, "")
      yield* Stream.runForEach(walks.walk(operations, method, path, { recursive }), (entry) =>
        Effect.sync(() => {
          if (entry._tag !== "Failed") looks.set(entry.path.slice(length), look(entry.info))
        }))
    }
    return looks
  })

const changes = (before: Looks, after: Looks, nameOf: (path: string) => string): Array<WatchEvent> => {
  const gone: Array<WatchEvent> = []
  const rest: Array<WatchEvent> = []
  for (const [path, { type }] of before) {
    if (after.get(path)?.type !== type) gone.push(WatchEventRemove({ path: nameOf(path) }))
  }
  for (const [path, { state, type }] of after) {
    const was = before.get(path)
    if (was?.type !== type) rest.push(WatchEventCreate({ path: nameOf(path) }))
    else if (was.state !== state) rest.push(WatchEventUpdate({ path: nameOf(path) }))
  }
  // The entries of a removed directory come before the directory.
  return [...gone.reverse(), ...rest]
}

/** @internal */
export const make =
  (operations: Operations, watchBackend: Option.Option<Context.Tag.Service<typeof WatchBackend>>) =>
  (path: string, options: WatchOptions = {}): Stream.Stream<WatchEvent, PlatformError> => {
    const call = { method, path }
    const interval = Option.filter(duration.finite(options.interval ?? "1 second"), Duration.greaterThan(Duration.zero))
    if (Option.isNone(interval)) {
      return Stream.fail(
        errors.badArgument(call, `\`interval\` must be a positive duration, got ${String(options.interval)}`)
      )
    }
    // As in Node, events name the watched path itself by its base name.
    const ownName = posixPath.base(path) || path
    const nameOf = (path: string) => path === "" ? ownName : path
    const lookAgain = Effect.catchIf(
      lookAt(operations, path, options),
      // The path is gone, or is being replaced. The next poll sees the result.
      errors.isReason("NotFound", "BadResource"),
      () => Effect.succeed<Looks>(new Map())
    )
    const polling = Stream.unwrap(
      Effect.map(
        lookAt(operations, path, options),
        (first) =>
          Stream.unfoldChunkEffect(
            first,
            (before) =>
              Effect.map(Effect.delay(lookAgain, interval.value), (after) =>
                Option.some([Chunk.unsafeFromArray(changes(before, after, nameOf)), after]))
          )
      )
    )
    return Option.match(watchBackend, {
      onNone: () => polling,
      onSome: (backend) =>
        Stream.unwrap(
          Effect.map(operations.stat(call), (found) =>
            Option.getOrElse(backend.register(path, remoteFile.info(found), options), () => polling))
        )
    })
  }
