import { RemoteError } from "@effect-remote/core"
import { BadArgument, PlatformError, SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Option, Schema } from "effect"
import { fromCommand } from "../src/internal/process/platformError.js"

const command = new RemoteError.RemoteCommandError({
  reason: "Exit",
  host: "luigi@worker-01",
  command: "ls /data",
  detail: "exited with code 2",
  exitCode: 2,
  stderr: "ls: cannot access '/data'\nNo such file\n",
  stdout: Uint8Array.of(0, 255, 10)
})

const connection = new RemoteError.RemoteConnectionError({
  reason: "Unreachable",
  host: "luigi@worker-01",
  detail: "connecting failed",
  output: "ssh: connect to host worker-01 port 22: Connection refused\r\n",
  hint: "Is the host up?",
  cause: new Error("inner")
})

const tunnel = new RemoteError.TunnelError({
  reason: "AddressInUse",
  from: "127.0.0.1:8080",
  to: "db:5432 through luigi@worker-01",
  detail: "somebody else listens there"
})

const overJson = <A, I>(schema: Schema.Schema<A, I>, value: A): A =>
  Schema.decodeUnknownSync(schema)(JSON.parse(JSON.stringify(Schema.encodeSync(schema)(value))))

describe("messages", () => {
  it("a command's says what, where, how and what stderr ended with", () => {
    assert.strictEqual(
      command.message,
      "ls /data on luigi@worker-01: exited with code 2\n" +
        "stderr ended with:\n  | ls: cannot access '/data'\n  | No such file"
    )
    const quiet = new RemoteError.RemoteCommandError({
      reason: "Signal",
      host: "a",
      command: "b",
      detail: "c",
      stderr: " \n"
    })
    assert.strictEqual(quiet.message, "b on a: c")
    assert.include(String(command), "RemoteCommandError: ls /data on luigi@worker-01")
  })

  it("a connection's says where, what was said and what to try", () => {
    assert.strictEqual(
      connection.message,
      "luigi@worker-01: connecting failed\n" +
        "  | ssh: connect to host worker-01 port 22: Connection refused\n" +
        "Is the host up?"
    )
    const short = new RemoteError.RemoteConnectionError({ reason: "Protocol", host: "a", detail: "b" })
    assert.strictEqual(short.message, "a: b")
  })

  it("a tunnel's says both ends", () => {
    assert.strictEqual(
      tunnel.message,
      "tunnel from 127.0.0.1:8080 to db:5432 through luigi@worker-01: somebody else listens there"
    )
    const from = new RemoteError.TunnelError({ reason: "Unknown", from: "/tmp/a", detail: "b" })
    assert.strictEqual(from.message, "tunnel from /tmp/a: b")
    const to = new RemoteError.TunnelError({ reason: "Unknown", to: "/tmp/a", detail: "b" })
    assert.strictEqual(to.message, "tunnel to /tmp/a: b")
  })
})

describe("across a process boundary", () => {
  it("a command's error comes back", () => {
    const decoded = overJson(RemoteError.RemoteCommandError, command)
    assert.instanceOf(decoded, RemoteError.RemoteCommandError)
    assert.deepStrictEqual({ ...decoded }, { ...command })
    assert.strictEqual(decoded.message, command.message)
  })

  it("a connection's error comes back, its cause as an Error", () => {
    const decoded = overJson(RemoteError.RemoteConnectionError, connection)
    assert.strictEqual(decoded.message, connection.message)
    assert.strictEqual(decoded.reason, "Unreachable")
    assert.instanceOf(decoded.cause, Error)
    assert.strictEqual((decoded.cause as Error).message, "inner")
  })

  it("a tunnel's error comes back", () => {
    assert.deepStrictEqual({ ...overJson(RemoteError.TunnelError, tunnel) }, { ...tunnel })
  })

  it("what was left out stays out", () => {
    const bare = new RemoteError.RemoteCommandError({ reason: "Unsupported", host: "a", command: "b", detail: "c" })
    const decoded = overJson(RemoteError.RemoteCommandError, bare)
    assert.deepStrictEqual([decoded.stderr, decoded.stdout, decoded.exitCode], ["", new Uint8Array(), undefined])
    assert.isTrue(Equal.equals(decoded.reason, bare.reason))
  })

  it("an unknown reason is refused", () => {
    assert.throws(() => Schema.decodeUnknownSync(RemoteError.TunnelError)({ ...tunnel, reason: "x" }))
  })
})

it.effect("errors are caught by their tag", () =>
  Effect.gen(function*() {
    const found = yield* Effect.fail(command as RemoteError.RemoteCommandError | RemoteError.RemoteConnectionError)
      .pipe(
        Effect.catchTags({
          RemoteCommandError: ({ reason }) => Effect.succeed(reason),
          RemoteConnectionError: ({ reason }) => Effect.succeed(reason)
        })
      )
    assert.strictEqual(found, "Exit")
  }))

describe("connectionError", () => {
  const found = (error: unknown) => Option.getOrUndefined(RemoteError.findConnectionError(error))

  it("finds the error itself", () => {
    assert.strictEqual(found(connection), connection)
  })

  it("finds it in what the platform's executor and file system fail with", () => {
    assert.strictEqual(found(fromCommand("start")(connection)), connection)
    const fields = { module: "FileSystem", method: "stat" } as const
    assert.strictEqual(found(new SystemError({ ...fields, reason: "Unknown", cause: connection })), connection)
    assert.strictEqual(found(new BadArgument({ ...fields, cause: connection })), connection)
    const outer = new SystemError({
      ...fields,
      reason: "Unknown",
      cause: new SystemError({ ...fields, reason: "Unknown", cause: connection })
    })
    assert.strictEqual(found(outer), connection)
  })

  it("returns None for errors of other modules", () => {
    const others = [
      undefined,
      null,
      "x",
      {},
      command,
      tunnel,
      new Error("x", { cause: connection }),
      fromCommand("start")(command),
      { _tag: "RemoteConnectionError" },
      new SystemError({ module: "Command", method: "x", reason: "Unknown" })
    ]
    for (const other of others) assert.isUndefined(found(other))
  })
})

describe("as a PlatformError", () => {
  const of = (reason: RemoteError.RemoteCommandReason) =>
    fromCommand("string")(
      new RemoteError.RemoteCommandError({ reason, host: "worker-01", command: "ls", detail: "failed" })
    )

  it("a command's error has the reason that Node would give", () => {
    const reasons = RemoteError.RemoteCommandReason.literals.map((reason) => {
      const error = of(reason)
      return [reason, error._tag === "SystemError" ? error.reason : error._tag]
    })
    assert.deepStrictEqual(Object.fromEntries(reasons), {
      Exit: "Unknown",
      Signal: "Unknown",
      ProgramNotFound: "NotFound",
      ProgramNotExecutable: "PermissionDenied",
      DirectoryNotFound: "NotFound",
      ArgumentsTooLong: "Unknown",
      TimedOut: "TimedOut",
      OutputTooLarge: "Unknown",
      InvalidCommand: "BadArgument",
      Unsupported: "BadArgument",
      InputFailed: "Unknown"
    })
  })

  it("keeps the message and the error as its cause", () => {
    const error = of("ProgramNotFound")
    assert.isTrue(Schema.is(PlatformError)(error))
    assert.include(error.message, "ls on worker-01: failed")
    assert.instanceOf(error.cause, RemoteError.RemoteCommandError)
    assert.strictEqual(error.module, "Command")
    assert.strictEqual(error.method, "string")
  })

  it("a connection's is TimedOut or Unknown", () => {
    const reasonOf = (reason: RemoteError.RemoteConnectionReason) =>
      (fromCommand("x")(new RemoteError.RemoteConnectionError({ reason, host: "a", detail: "b" })) as SystemError)
        .reason
    assert.strictEqual(reasonOf("TimedOut"), "TimedOut")
    assert.strictEqual(reasonOf("ConnectionLost"), "Unknown")
  })
})
