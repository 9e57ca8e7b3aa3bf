/**
 * The command line and the stdin that launch a program.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Pty } from "../../RemoteHost.js"
import type { Transport } from "../../Transport.js"
import * as Frame from "../../unstable/Frame.js"
import * as compile from "../command/compile.js"
import type { CommandFailure } from "../command/errors.js"
import * as random from "../lib/random.js"
import * as reports from "./reports.js"

type Guard = Option.Option<Frame.Guard>

/** @internal */
export interface Plan {
  /** The command line for the login shell. */
  readonly line: string
  /** The frame, sent first on stdin. */
  readonly first: (guard: Guard) => Option.Option<Uint8Array>
  /** The process id, for a host that does not report it. */
  readonly pid: number | undefined
  readonly stdout: () => reports.Scanner
  readonly stderr: () => reports.Scanner
}

/** @internal */
export const make = Effect.fnUntraced(function*(
  transport: Transport,
  compiled: compile.Program,
  pty: Option.Option<Pty>,
  failure: CommandFailure,
  pipefail: boolean
) {
  // The arguments of `ssh` are visible in this machine's process list.
  const inArguments = (line: string) => {
    if (compiled.hasSecrets) {
      return failure.error({
        reason: "Unsupported",
        detail:
          "with a pseudo-terminal, or on a host with `shell: \"none\"`, a command is an argument of ssh, where a secret " +
          "would be visible: pass it on stdin"
      })
    }
    return line.length > Frame.longestLine
      ? failure.error({
        reason: "ArgumentsTooLong",
        detail: `the command must fit in one line of ${Frame.longestLine} bytes here, got ${line.length}`
      })
      : Effect.void
  }
  if (transport.host.shell === "none") {
    const line = yield* Option.match(compile.bareLine(compiled), {
      onSome: Effect.succeed,
      onNone: () =>
        failure.error({
          reason: "Unsupported",
          detail: "a host with `shell: \"none\"` supports neither a working directory nor an environment"
        })
    })
    yield* inArguments(line)
    const plan: Plan = {
      line,
      first: Option.none,
      pid: 0,
      stdout: () => reports.transparent,
      stderr: () => reports.transparent
    }
    return plan
  }
  const marker = yield* random.hex
  const framed = (guard: Guard): Frame.Frame => ({
    marker,
    guard,
    stages: compiled.stages,
    pipefail,
    terminal: Option.filter(pty, () => !transport.capabilities.ptySize)
  })
  // A terminal's line has no guard: it may wait for a session, and then run on a later connection with another guardian.
  const line = Option.isSome(pty) ? Frame.terminalLine(framed(Option.none())) : Frame.launchLine
  if (Option.isSome(pty)) yield* inArguments(line)
  const plan: Plan = {
    line,
    first: (guard) => Option.isSome(pty) ? Option.none() : Option.some(Frame.encode(framed(guard))),
    pid: undefined,
    stdout: () => reports.scanner(marker, "stdout"),
    stderr: () => reports.scanner(marker, "stderr")
  }
  return plan
})
