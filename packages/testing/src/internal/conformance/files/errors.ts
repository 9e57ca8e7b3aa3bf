/**
 * Errors of files: they name the path and the method of the caller, and the reason.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import type { Group } from "../cases.js"
import { bytes, directory, isRoot, localDirectory, localFiles, write } from "../support.js"

type Failure = readonly [attempt: Effect.Effect<unknown, unknown>, message: string]

// Checks the messages, in which DIR stands for the directory.
const expectMessages = (path: string, failures: ReadonlyArray<Failure>) =>
  Effect.forEach(failures, ([attempt, message]) =>
    Effect.map(Effect.flip(attempt), (error) => {
      const found = String((error as PlatformError).message)
      assert.notInclude(found, ".effect-remote-")
      assert.include(found.replaceAll(path, "DIR"), message)
    }), { discard: true })

// A stream that does something else before its last bytes.
const meanwhile = (effect: Effect.Effect<unknown, PlatformError>, size: number) =>
  Stream.fromEffect(Effect.as(effect, new Uint8Array(size)))

const renames: Group = (test) => {
  // B14
  test("a refused rename or link names both paths and the reason", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const at = (name: string) => `${path}/${name}`
      yield* write(files, at("file"), "text")
      yield* write(files, at("other"), "text")
      yield* files.makeDirectory(at("empty"))
      yield* files.makeDirectory(at("full/below"), { recursive: true })
      yield* expectMessages(path, [
        [
          fs.rename(at("file"), at("no/file")),
          `NotFound: FileSystem.rename (DIR/file): to "DIR/no/file": the directory "DIR/no" does not exist`
        ],
        [
          fs.rename(at("no"), at("new")),
          `NotFound: FileSystem.rename (DIR/no): to "DIR/new": "DIR/no" does not exist`
        ],
        [
          fs.rename(at("file"), at("empty")),
          `BadResource: FileSystem.rename (DIR/file): to "DIR/empty": "DIR/empty" is a directory`
        ],
        [
          fs.rename(at("empty"), at("file")),
          `BadResource: FileSystem.rename (DIR/empty): to "DIR/file": "DIR/file" is not a directory`
        ],
        [
          fs.rename(at("empty"), at("full")),
          `Unknown: FileSystem.rename (DIR/empty): to "DIR/full": the directory "DIR/full" is not empty`
        ],
        [
          fs.rename(at("full"), at("full/below/it")),
          `Unknown: FileSystem.rename (DIR/full): to "DIR/full/below/it": "DIR/full/below/it" is within "DIR/full"`
        ],
        [
          fs.link(at("file"), at("other")),
          `AlreadyExists: FileSystem.link (DIR/file): to "DIR/other": "DIR/other" exists already`
        ],
        [
          fs.link(at("file"), at("no/link")),
          `NotFound: FileSystem.link (DIR/file): to "DIR/no/link": the directory "DIR/no" does not exist`
        ]
      ])
    }))
}

const writes: Group = (test) => {
  // B14, B19
  for (const size of [3, 100_000]) {
    test(`a failed write of ${size} bytes names its target and the method of the caller`, () =>
      Effect.gen(function*() {
        const { files } = yield* ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const at = (name: string) => `${path}/${name}`
        const local = yield* localFiles
        const source = `${yield* localDirectory}/source`
        yield* write(local, source, new Uint8Array(size))
        yield* write(files, at("file"), "text")
        yield* files.makeDirectory(at("directory"))
        yield* expectMessages(path, [
          [
            fs.atomicWrite(at("raced"), meanwhile(write(files, at("raced"), "other"), size), { ifAbsent: true }),
            "AlreadyExists: FileSystem.atomicWrite (DIR/raced): it exists already"
          ],
          [
            fs.atomicWrite(at("made"), meanwhile(files.makeDirectory(at("made")), size)),
            "BadResource: FileSystem.atomicWrite (DIR/made): it is a directory"
          ],
          [
            fs.atomicWrite(at("file/below/it"), new Uint8Array(size)),
            "BadResource: FileSystem.atomicWrite (DIR/file/below/it): a part of its path is not a directory"
          ],
          [
            fs.put(source, at("directory")),
            "BadResource: FileSystem.put (DIR/directory): it is a directory, and the source a file: " +
            `to copy the file into it, use "DIR/directory/source"`
          ],
          [
            fs.get(at("file"), path.startsWith("/") ? "/" : path),
            "BadResource: FileSystem.get (/): it is a directory, and the source a file"
          ]
        ])
        assert.deepStrictEqual(yield* files.readDirectory(at("directory")), [])
      }))

    // B19
    test(`a write of ${size} bytes without rights is said of the file, and names the directory`, () =>
      Effect.gen(function*() {
        if (yield* isRoot) return
        const { files } = yield* ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const at = (name: string) => `${path}/${name}`
        const local = yield* localFiles
        const source = `${yield* localDirectory}/source`
        yield* write(local, source, new Uint8Array(size))
        yield* files.makeDirectory(at("closed"))
        yield* write(files, at("closed/file"), "text")
        yield* files.chmod(at("closed"), 0o500)
        const content = new Uint8Array(size)
        yield* Effect.ensuring(
          expectMessages(path, [
            [
              fs.atomicWrite(at("closed/file"), content),
              `PermissionDenied: FileSystem.atomicWrite (DIR/closed/file): the host does not permit a new file in "DIR/closed"` +
              "; if the file itself may be written, use `writeFile`, which is not atomic"
            ],
            [
              fs.atomicWrite(at("closed/a/b"), content),
              `PermissionDenied: FileSystem.atomicWrite (DIR/closed/a/b): its directory "DIR/closed/a" cannot be made`
            ],
            [
              fs.put(source, at("closed/file")),
              `PermissionDenied: FileSystem.put (DIR/closed/file): the host does not permit a new file in "DIR/closed"` +
              "; if the file itself may be written, set `inPlace`"
            ],
            [
              fs.copyFile(at("closed/file"), at("closed/copy")),
              `PermissionDenied: FileSystem.copyFile (DIR/closed/copy): the host does not permit a new file in "DIR/closed"`
            ]
          ]),
          Effect.orDie(files.chmod(at("closed"), 0o700))
        )
      }))
  }
}

const openFiles: Group = (test) => {
  test("a failure of an open file names the operation of that file", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`, "text")
      const written = Effect.scoped(Effect.flatMap(fs.open(`${path}/file`), (file) => file.writeAll(bytes("more"))))
      yield* expectMessages(path, [
        [written, "Unknown: FileSystem.write (DIR/file): the file is not open for writing"]
      ])
    }))
}

/** @internal */
export const messages: Group = (test) => {
  renames(test)
  writes(test)
  openFiles(test)
}
