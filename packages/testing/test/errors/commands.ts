import { type RemoteContext, RemoteError, sh } from "@effect-remote/core"
import type { InMemoryHost } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { Option, Stream } from "effect"
import { type Example, type Family, onHost } from "./example.js"

const running = (
  command: Command.Command,
  run: RemoteContext.TextOptions = {},
  options: InMemoryHost.Options<{}, never, {}> = {}
) => onHost(options, ({ context }) => context.string(command, run))

const asRoot = Object.assign(Object.create(Object.getPrototypeOf(Command.make("id"))), Command.make("id"), {
  uid: Option.some(0)
}) as Command.Command

const examples: Record<RemoteError.RemoteCommandReason, Example> = {
  Exit: {
    advice: "Read `stderr`. Match a code that you expect with `RemoteError.isExit(error, 2)`.",
    error: running(sh`cat /var/log/app.log`)
  },
  Signal: {
    advice: "Find who sent the signal. `KILL` often comes from the kernel when memory is short.",
    error: running(Command.make("backup"), {}, {
      commands: { backup: { signal: "KILL" } } as never
    })
  },
  ProgramNotFound: {
    advice: "Install the program, or give its absolute path. Commands do not read the profile of an interactive shell.",
    error: running(Command.make("pg_dump", "shop"), {}, { unknownCommands: "notFound" })
  },
  ProgramNotExecutable: {
    advice: "Set its mode with `chmod +x`, or run it with its interpreter.",
    error: running(Command.make("/srv/app/run"), {}, { files: { "/srv/app/run": "#!/bin/sh\n" } })
  },
  DirectoryNotFound: {
    advice: "Make the directory, or correct `Command.workingDirectory`.",
    error: running(Command.make("ls").pipe(Command.workingDirectory("/srv/missing")))
  },
  ArgumentsTooLong: {
    advice: "Send the data on stdin, or write it to a file.",
    error: running(Command.make("/bin/true").pipe(Command.env({ LARGE: "x".repeat(1_000_000) })))
  },
  TimedOut: {
    advice: "Raise `timeout`, or start the work in the background.",
    error: running(Command.make("sleep", "60"), { timeout: "1 second" })
  },
  OutputTooLarge: {
    advice: "Raise `maxOutput`, or read the output with `RemoteContext.stream`.",
    error: running(Command.make("seq", "1000"), { maxOutput: 1000 })
  },
  InvalidCommand: {
    advice: "Correct the command. The detail names the invalid part.",
    error: running(Command.make("touch", "a\0b"))
  },
  Unsupported: {
    advice: "Log in as the other user, or run the command through `sudo`.",
    error: running(asRoot)
  },
  InputFailed: {
    advice: "See `cause`: the stream of your program failed.",
    error: running(Command.make("cat").pipe(Command.stdin(Stream.fail("the source was closed") as never)))
  }
}

/** @internal */
export const commands: Family = {
  name: "RemoteCommandError",
  text: "A command failed although the host was reached. The same command fails again unless something changes.",
  meanings: ["core/src/RemoteError.ts", "RemoteCommandReason"],
  reasons: RemoteError.RemoteCommandReason.literals,
  examples
}
