/**
 * The verbs of `RemoteContext`.
 */
import type * as Command from "@effect/platform/Command"
import type { ExitCode } from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LocalStdio } from "../../LocalStdio.js"
import type { RemoteCommandError } from "../../RemoteError.js"
import type { RunError, RunOptions, RunResult, StartOptions, TextOptions } from "../../RemoteProcess.js"
import * as decode from "./decode.js"
import type { Host } from "./execution.js"
import * as processes from "./process.js"
import * as starts from "./start.js"
import * as streaming from "./streaming.js"
import * as toEnd from "./toEnd.js"

/** @internal */
export const failUnlessZero: toEnd.CheckExitCode = (code, failure, stdout) =>
  code === 0 ? Effect.void : failure.exit(code, stdout)

/** @internal */
export interface Verbs {
  readonly start: (
    command: Command.Command,
    options: StartOptions
  ) => Effect.Effect<processes.Started, RunError, Scope.Scope>
  readonly run: (command: Command.Command, options: RunOptions) => Effect.Effect<RunResult<Uint8Array>, RunError>
  readonly runText: (command: Command.Command, options: TextOptions) => Effect.Effect<RunResult, RunError>
  readonly bytes: (
    command: Command.Command,
    options: RunOptions,
    checkExitCode: toEnd.CheckExitCode
  ) => Effect.Effect<Uint8Array, RunError>
  readonly string: (
    command: Command.Command,
    options: TextOptions,
    checkExitCode: toEnd.CheckExitCode
  ) => Effect.Effect<string, RunError>
  readonly stream: (
    command: Command.Command,
    options: RunOptions,
    checkExitCode: toEnd.CheckExitCode
  ) => Stream.Stream<Uint8Array, RunError>
  readonly lines: (
    command: Command.Command,
    options: TextOptions,
    checkExitCode: toEnd.CheckExitCode
  ) => Effect.Effect<Array<string>, RunError>
  readonly streamLines: (
    command: Command.Command,
    options: TextOptions,
    checkExitCode: toEnd.CheckExitCode
  ) => Stream.Stream<string, RunError>
  readonly exitCode: (command: Command.Command, options: RunOptions) => Effect.Effect<ExitCode, RunError>
}

/** @internal */
export const make = (host: Host, stdio: Option.Option<LocalStdio>, defaults: StartOptions): Verbs => {
  const setting: starts.Setting = { defaults, host, stdio }

  const decoderOf = (
    command: Command.Command,
    encoding = "utf-8"
  ): Effect.Effect<() => TextDecoder, RemoteCommandError> =>
    Effect.orElse(
      Effect.try(() => {
        const label = new TextDecoder(encoding).encoding
        return () => new TextDecoder(label)
      }),
      () =>
        Effect.flatMap(
          processes.compile(host.transport, command),
          ({ failure }) =>
            failure.error({
              reason: "InvalidCommand",
              detail: `\`encoding\` must be a label of \`TextDecoder\`, such as "utf-8", got ${
                JSON.stringify(encoding)
              }`
            })
        )
    )

  const string: Verbs["string"] = (command, { encoding, ...options }, checkExitCode) =>
    Effect.flatMap(
      decoderOf(command, encoding),
      (decoder) => Effect.map(toEnd.bytes(setting, command, options, checkExitCode), (all) => decoder().decode(all))
    )

  return {
    start: (command, options) =>
      Effect.flatMap(
        processes.compile(host.transport, command),
        (compiled) => starts.start(setting, compiled, { ...options, endInput: false })
      ),
    run: (command, options) => toEnd.result(setting, command, options),
    runText: (command, { encoding, ...options }) =>
      Effect.flatMap(
        decoderOf(command, encoding),
        (decoder) =>
          Effect.map(toEnd.result(setting, command, options), ({ stderr, stdout, ...ending }) => ({
            stdout: decoder().decode(stdout),
            stderr: decoder().decode(stderr),
            ...ending
          }))
      ),
    bytes: (command, options, checkExitCode) => toEnd.bytes(setting, command, options, checkExitCode),
    string,
    lines: (command, options, checkExitCode) => Effect.map(string(command, options, checkExitCode), decode.lines),
    stream: (command, options, checkExitCode) => streaming.bytes(setting, command, options, checkExitCode),
    streamLines: (command, { encoding, ...options }, checkExitCode) =>
      Stream.unwrap(Effect.map(
        decoderOf(command, encoding),
        (decoder) => streaming.lines(setting, command, options, checkExitCode, decoder)
      )),
    exitCode: (command, options) => toEnd.exitCode(setting, command, options)
  }
}
