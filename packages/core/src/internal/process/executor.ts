import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { RemoteProcess } from "../../RemoteProcess.js"
import { fromCommand } from "./platformError.js"
import type { CheckExitCode } from "./toEnd.js"
import type { Verbs } from "./verbs.js"

const asPlatformProcess = (process: RemoteProcess): CommandExecutor.Process => ({
  [CommandExecutor.ProcessTypeId]: CommandExecutor.ProcessTypeId,
  ...Inspectable.BaseProto,
  toJSON: () => ({ _id: "@effect/platform/CommandExecutor/Process", pid: process.pid }),
  pid: process.pid,
  exitCode: Effect.mapError(process.exitCode, fromCommand("exitCode")),
  isRunning: process.isRunning,
  kill: (signal) => Effect.mapError(process.kill(signal), fromCommand("kill")),
  stdin: Sink.mapError(process.stdin, fromCommand("stdin")),
  stdout: Stream.mapError(process.stdout, fromCommand("stdout")),
  stderr: Stream.mapError(process.stderr, fromCommand("stderr"))
})

// In a pipeline, Node's executor looks at the last program alone.
const asInNode = { pipefail: false }

// Node's executor does not look at the exit code here.
const anyCode: CheckExitCode = () => Effect.void

/** @internal */
export const make = (verbs: Verbs): CommandExecutor.CommandExecutor => ({
  [CommandExecutor.TypeId]: CommandExecutor.TypeId,
  start: (command) =>
    Effect.mapError(
      Effect.map(verbs.start(command, asInNode), ({ process }) => asPlatformProcess(process)),
      fromCommand("start")
    ),
  exitCode: (command) => Effect.mapError(verbs.exitCode(command, asInNode), fromCommand("exitCode")),
  string: (command, encoding) =>
    Effect.mapError(verbs.string(command, { encoding, ...asInNode }, anyCode), fromCommand("string")),
  lines: (command, encoding) =>
    Effect.mapError(verbs.lines(command, { encoding, ...asInNode }, anyCode), fromCommand("lines")),
  stream: (command) => Stream.mapError(verbs.stream(command, asInNode, anyCode), fromCommand("stream")),
  streamLines: (command, encoding) =>
    Stream.mapError(verbs.streamLines(command, { encoding, ...asInNode }, anyCode), fromCommand("streamLines"))
})
