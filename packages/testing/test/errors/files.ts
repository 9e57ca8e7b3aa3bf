import { Fault, InMemoryHost } from "@effect-remote/testing"
import { SystemErrorReason } from "@effect/platform/Error"
import { Duration, Effect } from "effect"
import { type Example, type Family, onHost } from "./example.js"

const bytes = (text: string) => new TextEncoder().encode(text)

const unused: Example = {
  meaning: "Not used by this library.",
  advice: "",
  error: "it does not occur"
}

const examples: Record<SystemErrorReason | "BadArgument", Example> = {
  AlreadyExists: {
    meaning: "Something with this name exists, and the call does not replace it.",
    advice: "Choose another name, or a call that replaces.",
    error: onHost(
      { files: { "/data/a.csv": "1\n" } },
      ({ fileSystem }) => fileSystem.atomicWrite("/data/a.csv", bytes("2\n"), { ifAbsent: true })
    )
  },
  BadResource: {
    meaning: "The path is not of the type that the call needs, for example a directory instead of a file.",
    advice: "Look at the path with `stat`.",
    error: onHost({ directories: ["/data"] }, ({ fileSystem }) => fileSystem.readFile("/data"))
  },
  Busy: {
    meaning: "The name cannot be changed now.",
    advice: "Name the directory by its full path.",
    error: onHost({ directories: ["/data"] }, ({ fileSystem }) => fileSystem.rename("/data/.", "/data2"))
  },
  InvalidData: {
    meaning: "The data that arrived is not the data that was sent, or the file changed while it was copied.",
    advice: "Repeat the copy when nobody writes to the file.",
    error: "it needs a file that changes during the copy"
  },
  NotFound: {
    meaning: "The file or directory does not exist.",
    advice: "Check the path. Relative paths begin in the home directory.",
    error: onHost({}, ({ fileSystem }) => fileSystem.readFile("/data/a.csv"))
  },
  PermissionDenied: {
    meaning: "The user may not do this.",
    advice: "Log in as a user with the permission, or change owner and mode.",
    error: onHost(
      { files: { "/etc/app.conf": { content: "", owner: "root", mode: 0o600 } } },
      ({ fileSystem }) => fileSystem.readFile("/etc/app.conf")
    )
  },
  TimedOut: {
    meaning: "The server did not answer in time, or the connection timed out.",
    advice: "Look at the file before you repeat the call: it may have been carried out.",
    error: "it takes a minute"
  },
  UnexpectedEof: unused,
  Unknown: {
    meaning: "Another failure, or a lost connection. `RemoteError.findConnectionError` finds the connection error.",
    advice: "Read the description. A lost connection may be retried.",
    error: onHost(
      { faults: [Fault.fillDisk({ lasts: Duration.infinity })] },
      ({ fileSystem }) => fileSystem.writeFile("a.csv", bytes("1\n"))
    )
  },
  WouldBlock: unused,
  WriteZero: unused,
  BadArgument: {
    meaning: "An argument is invalid. Nothing was sent.",
    advice: "Correct the argument that the description names.",
    error: onHost({}, ({ fileSystem }) => fileSystem.readFile("a\0b"))
  }
}

/** @internal */
export const files: Family = {
  name: "PlatformError",
  text:
    "A call of the file system failed: a `SystemError` with one of the reasons below, or a `BadArgument`. They are errors of\n" +
    "`@effect/platform`. `isTransient` is true if the cause is a transient `RemoteConnectionError`.",
  reasons: [...SystemErrorReason.literals, "BadArgument"],
  examples
}

/** @internal */
export const transfers: Family = {
  name: "TransferError",
  text: "A transfer of a tree failed in part. It has no reasons of its own.",
  reasons: ["TransferError"],
  examples: {
    TransferError: {
      meaning:
        "Some entries failed, each with a `PlatformError`. The others keep their outcome. Or nothing was deleted, because of `maxDelete` (`refusedDeletions`).",
      advice: "Read the errors of the failed `entries`. Repeat the transfer with `skipUnchanged`.",
      error: Effect.flatMap(InMemoryHost.make(), ({ files: local }) =>
        onHost({
          files: { "/data/a.csv": "1\n", "/data/b.csv": { content: "2\n", owner: "root", mode: 0o600 } },
          local
        }, ({ fileSystem }) => fileSystem.get("/data", "backup")))
    }
  }
}
