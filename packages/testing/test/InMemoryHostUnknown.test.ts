import { RemoteContext, sh } from "@effect-remote/core"
import { InMemoryHost } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Stream } from "effect"

const { NotScriptedError } = InMemoryHost

const commands = { restart: "restarted\n", reload: 0 }

const files = {
  "/home/user/deploy.sh": { content: "#!/bin/sh\nrestart\nrestic backup | tail -n 1\n", mode: 0o755 },
  "/home/user/sourced": "restic backup\n"
}

const layer = InMemoryHost.layer({ host: "db", commands, files })

/** The defects of an effect, on a host of its own. */
const defects = (effect: Effect.Effect<unknown, unknown, InMemoryHost.Provided>) =>
  Effect.map(Effect.exit(Effect.provide(effect, layer)), (exit) => {
    assert(Exit.isFailure(exit))
    assert.isFalse(Cause.isFailure(exit.cause), Cause.pretty(exit.cause))
    return [...Cause.defects(exit.cause)]
  })

// FOUND A21
describe("a command that the host in memory lacks", () => {
  it.effect.each([
    ["restic"],
    ["/opt/restic/bin/restic backup"],
    ["./restic"],
    ["restic backup | sort | tail -n 3"],
    ["restart | restic"],
    ["restic && restart"],
    ["restic || restart"],
    ["! restic; restart"],
    ["if restic; then restart; else reload; fi"],
    ["echo $(restic snapshots)"],
    ["cat <<E\n$(restic)\nE"],
    ["(cd /tmp; restic 2>/dev/null) >/dev/null"],
    ["run() { restic; }; run || true"],
    ["sh -c 'restic' || true"],
    ["env A=1 restic || true"],
    ["exec restic"],
    ["command restic || true"],
    ["trap restic EXIT"],
    [". ./sourced || true"],
    ["./deploy.sh | cat"],
    ["ls --color=always | sort"],
    ["[[ a = a ]] || true"]
  ])("is a defect of the effect that runs %s", ([line = ""]) =>
    Effect.gen(function*() {
      for (const run of [RemoteContext.string, RemoteContext.exitCode]) {
        const [error, ...more] = yield* defects(run(Command.make("sh", "-c", line)))
        assert(error instanceof NotScriptedError)
        assert.deepStrictEqual(more, [])
        assert.strictEqual(error.host, "user@db")
        assert.deepStrictEqual(error.scripted, ["restart", "reload"])
        if (error.construct === undefined) assert.match(error.program, /(^|\/)restic$/)
      }
    }))

  it.effect("is a defect for direct commands, pipelines, streams and processes", () =>
    Effect.gen(function*() {
      const restic = Command.make("restic", "backup", "--password", "hunter2")
      const started = Effect.scoped(Effect.flatMap(RemoteContext.start(restic), ({ exitCode }) => exitCode))
      for (
        const one of [
          RemoteContext.string(restic),
          RemoteContext.exitCode(restic),
          RemoteContext.string(Command.pipeTo(restic, Command.make("sort"))),
          RemoteContext.string(Command.pipeTo(Command.make("restart"), restic)),
          Stream.runDrain(RemoteContext.stream(restic)),
          started
        ]
      ) {
        const [error] = yield* defects(one)
        assert(error instanceof NotScriptedError)
        assert.strictEqual(
          error.message,
          "the host in memory user@db has no program \"restic\". Script it with `commands: { restic: ... }`, or set " +
            "`unknownCommands: \"notFound\"` for a host that lacks it. Scripted are restart, reload."
        )
      }
    }))

  it.effect("runs nothing that comes after it", () =>
    Effect.gen(function*() {
      const host = yield* InMemoryHost.make({ commands, unknownCommands: "fail" })
      yield* Effect.exit(host.context.string(sh`restart; restic || reload`))
      yield* host.expectRan("restart", { times: 1 })
      yield* host.expectRan("reload", { times: 0 })
      yield* host.expectIdle
    }).pipe(Effect.scoped, Effect.exit))

  it.effect("fails the test by the end of the host's scope if the program hides the defect", () =>
    Effect.gen(function*() {
      const hidden = Effect.exit(RemoteContext.string(sh`restic | sort`))
      const [error, ...more] = yield* defects(hidden)
      assert(error instanceof NotScriptedError)
      assert.deepStrictEqual(more, [])
    }))

  it.effect("is reported as missing by `command -v`, without a defect", () =>
    Effect.gen(function*() {
      const tool = sh`if command -v restic >/dev/null; then restic; elif command -v restart; then restart; fi`
      assert.strictEqual(yield* RemoteContext.string(tool), "/usr/bin/restart\nrestarted\n")
    }).pipe(Effect.provide(layer)))

  it.effect("is not found if the test says so", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* RemoteContext.string(sh`restic 2>&1 || echo $?`),
        "/bin/sh: 1: restic: not found\n127\n"
      )
      const error = yield* Effect.flip(RemoteContext.string(Command.make("restic")))
      assert.strictEqual(error.reason, "ProgramNotFound")
      assert.strictEqual(yield* RemoteContext.exitCode(sh`ls --color=always`), 2)
    }).pipe(Effect.provide(InMemoryHost.layer({ unknownCommands: "notFound" }))))
})
