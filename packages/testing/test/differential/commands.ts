/**
 * Steps that are about commands, as they are made.
 */
import type { RemoteProcess } from "@effect-remote/core/RemoteProcess"
import { Command } from "@effect/platform"
import { CommandExecutor } from "@effect/platform/CommandExecutor"
import { Chunk, Deferred, Effect, Exit, Fiber, Stream } from "effect"
import { bytesOf, source } from "./files.js"
import * as outcome from "./outcome.js"
import { type Commands, Input, type StepOf } from "./program.js"
import { lose, type Side } from "./side.js"

type Fx = Effect.Effect<outcome.Json, unknown>

const input = Input.$match({
  None: () => undefined,
  Text: ({ content }) => Stream.make(bytesOf(content)),
  // the platform's type lacks the error of a program
  Failing: ({ content }) => source([content], true) as Stream.Stream<Uint8Array, never>
})

/** The command, with an environment that is the same on every host. */
export const command = ({ root }: Side, { directory, environment, ...given }: Commands): Command.Command => {
  const [first, ...rest] = given.words.map(([program, ...words]) =>
    Command.make(program.replaceAll("<root>", root), ...words.map((word) => word.replaceAll("<root>", root)))
  )
  const stdin = input(given.input)
  const piped = rest.reduce(
    (before, next) => Command.pipeTo(before, next),
    stdin === undefined ? first! : Command.stdin(first!, stdin)
  )
  return piped.pipe(
    Command.env({ LC_ALL: "C", TZ: "UTC", HOME: root, OLDPWD: root, ...environment }),
    Command.workingDirectory(directory === "" ? root : `${root}/${directory}`)
  )
}

const bytes = <E>(stream: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(stream), (chunks) => Buffer.concat(Chunk.toReadonlyArray(chunks)))

/** Both outputs and how it ended. `start` leaves the input open. */
const whole = (shown: string, { exitCode, stderr, stdin, stdout }: RemoteProcess, isFed: boolean): Fx =>
  Effect.map(
    Effect.all({
      code: Effect.exit(exitCode),
      stdout: Effect.exit(bytes(stdout)),
      stderr: Effect.exit(bytes(stderr)),
      stdin: isFed ? Effect.void : Effect.ignore(Stream.run(Stream.empty, stdin))
    }, { concurrency: "unbounded" }),
    ({ code, stderr, stdout }) => ({
      code: outcome.ofExit(Exit.map(code, Number)),
      stdout: outcome.ofExit(Exit.map(stdout, outcome.content)),
      stderr: outcome.ofExit(Exit.map(stderr, (bytes) => outcome.complaints(shown, bytes.toString("latin1"))))
    })
  )

const byVerb = ({ context }: Side, { commands, verb, ...step }: StepOf<"Run">, made: Command.Command): Fx => {
  const maxOutput = step.maxOutput
  switch (verb) {
    case "start":
      return Effect.scoped(
        Effect.flatMap(
          context.start(made),
          (process) => whole(outcome.shownCommand(commands), process, commands.input._tag !== "None")
        )
      )
    case "stream":
      return Effect.map(bytes(context.stream(made)), outcome.content)
    case "checkOutput":
      return Effect.map(context.checkOutput(made, { maxOutput }), outcome.content)
    case "string":
      return context.string(made, { maxOutput })
    case "lines":
      return context.lines(made)
    case "exitCode":
      return Effect.map(context.exitCode(made), Number)
    case "executor":
      return Effect.provideService(Command.string(made), CommandExecutor, context.commandExecutor)
  }
}

/** Starts it, waits until it has printed something, and does something to it. */
const whenReady = <A>(
  side: Side,
  commands: Commands,
  act: (process: RemoteProcess) => Effect.Effect<A, unknown>
): Effect.Effect<A, unknown> =>
  Effect.scoped(Effect.gen(function*() {
    const process = yield* side.context.start(command(side, commands))
    const printed = yield* Deferred.make<void>()
    // A stream of output is read once, and a process whose output ends has not printed anything more.
    yield* Effect.forkScoped(
      Stream.runForEach(process.stdout, () => Deferred.succeed(printed, undefined)).pipe(
        Effect.ensuring(Deferred.succeed(printed, undefined))
      )
    )
    yield* Deferred.await(printed)
    return yield* act(process)
  }))

const asleep: Commands = {
  words: [["sh", "-c", "echo ready; exec sleep 1000"]],
  environment: {},
  directory: "",
  input: Input.None()
}

/** A command that runs while the connection is lost. */
export const lost = (side: Side): Fx =>
  whenReady(side, asleep, ({ exitCode }) => Effect.zipRight(lose(side), Effect.map(exitCode, Number)))

/** @see outcome.Handlers */
export const handlers = (side: Side): outcome.Handlers<"Interrupt" | "Kill" | "Run"> => ({
  Run: (step) => byVerb(side, step, command(side, step.commands)),
  Kill: ({ commands, signal }) =>
    whenReady(side, commands, ({ exitCode, kill }) => Effect.zipRight(kill(signal), Effect.map(exitCode, Number))),
  Interrupt: ({ commands }) =>
    Effect.gen(function*() {
      const printed = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        Stream.runForEach(
          side.context.stream(command(side, commands)),
          () => Deferred.succeed(printed, undefined)
        ).pipe(Effect.ensuring(Deferred.succeed(printed, undefined)))
      )
      yield* Deferred.await(printed)
      return outcome.ofExit(Exit.as(yield* Fiber.interrupt(fiber), "done"))
    })
})
