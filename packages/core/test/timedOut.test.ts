import { ExitStatus } from "@effect-remote/core/Transport"
import { Command } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { type Duration, Either, Option } from "effect"
import { compile } from "../src/internal/command/compile.js"
import * as errors from "../src/internal/command/errors.js"

const failure = errors.make("luigi@worker-01", Either.getOrThrow(compile(Command.make("backup"))))

const heldOpen =
  ", but its output had not ended. A process that it started may hold it open, and was terminated with " +
  "the command's group. Redirect the output of a process that is to go on: `daemon >/dev/null 2>&1 &`"

// FOUND B8, B19
it.each<[Duration.DurationInput, Option.Option<ExitStatus> | undefined, string, number | undefined]>([
  ["3 seconds", Option.none(), "timed out after 3s and was terminated", undefined],
  [
    "2 seconds",
    undefined,
    "timed out after 2s, before the command had started: the limit includes connecting, " +
    "and the wait for a free session (`MaxSessions` of the server)",
    undefined
  ],
  [
    5,
    Option.none(),
    "timed out after 5ms (a number is in milliseconds: for seconds, write \"5 seconds\") and was terminated",
    undefined
  ],
  [
    "1 minute",
    Option.some(ExitStatus.Code({ code: 0 })),
    `timed out after 1m: the command had exited with code 0${heldOpen}`,
    0
  ],
  [
    "1 minute",
    Option.some(ExitStatus.Signal({ signal: Option.some("SIGKILL") })),
    `timed out after 1m: a signal had ended the command${heldOpen}`,
    undefined
  ],
  ["1 minute", Option.some(ExitStatus.None()), `timed out after 1m: the command had exited${heldOpen}`, undefined]
])("after %s, a command that had ended with %s", (limit, ended, detail, exitCode) => {
  const error = failure.timedOut(limit, ended)
  assert.strictEqual(error.message, `backup on luigi@worker-01: ${detail}`)
  assert.strictEqual(error.reason, "TimedOut")
  assert.strictEqual(error.exitCode, exitCode)
})
