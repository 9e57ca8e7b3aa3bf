import { RemoteContext, sh } from "@effect-remote/core"
import { words } from "@effect-remote/testing/unstable/Words"
import { Command } from "@effect/platform"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { hasShell, openssh, terminals } from "../suites/servers.js"
import { layerProcess, running } from "../suites/support.js"

// Startup files of a non-interactive shell. `sh` reads none. `bash` reads this file if it believes that sshd started it, as
// Debian's does, and otherwise the file that BASH_ENV names.
const noise = "echo noise on stdout; echo noise on stderr >&2"
const startupFiles: Record<string, Record<string, string>> = {
  sh: {},
  bash: { ".bashrc": `${noise}\n` },
  zsh: { ".zshenv": `${noise}\n` },
  fish: { ".config/fish/config.fish": `${noise}\n` },
  tcsh: { ".tcshrc": `echo noise on stdout\nsh -c 'echo noise on stderr >&2'\n` }
}

const home = (shell: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = Fs.mkdtempSync(Path.join(Os.tmpdir(), "home of "))
      for (const [name, text] of Object.entries(startupFiles[shell] ?? {})) {
        Fs.mkdirSync(Path.dirname(Path.join(path, name)), { recursive: true })
        Fs.writeFileSync(Path.join(path, name), text)
      }
      return path
    }),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )

// `string` replaces what is not UTF-8, and a terminal changes some control characters.
const utf8 = words.filter((word) => !/\p{Surrogate}/u.test(word))
const plain = utf8.filter((word) => !/[\u0001-\u001a]/.test(word))

const live = (shell: string, noisy: boolean) =>
  Layer.unwrapScoped(Effect.map(home(shell), (home) =>
    layerProcess({
      kind: openssh ? "openssh" : "embedded",
      loginShell: shell,
      ...(noisy && { home, environment: shell === "bash" ? { BASH_ENV: `${home}/.bashrc` } : {} })
    })))

for (const shell of ["sh", "bash", "zsh", "fish", "tcsh"]) {
  for (const noisy of shell === "sh" ? [false] : [false, true]) {
    const name = `${shell} as login shell${noisy ? ", whose startup file prints" : ""}`
    // CI installs all of them.
    describe.skipIf(!hasShell(shell) && process.env.EFFECT_REMOTE_REQUIRE_SSHD !== "1")(name, () => {
      layer(live(shell, noisy), { excludeTestServices: true, timeout: "60 seconds" })((it) => {
        it.effect("arguments, environment, directory and stdin arrive unharmed", () =>
          Effect.gen(function*() {
            const command = Command.make("sh", "-c", "printf '%s|' \"$@\" \"$VALUE\" \"$PWD\"; cat", "sh", ...utf8)
              .pipe(
                Command.env({ VALUE: "$x `y` 'z' \"!\" \\ \n*" }),
                Command.workingDirectory("/usr"),
                Command.feed("the rest\nof stdin")
              )
            assert.strictEqual(
              yield* RemoteContext.string(command),
              [...utf8, "$x `y` 'z' \"!\" \\ \n*", "/usr", "the rest\nof stdin"].join("|")
            )
          }))

        it.effect("passes bytes that are not UTF-8, and 100 kB in one argument", () =>
          Effect.gen(function*() {
            const raw = yield* RemoteContext.checkOutput(Command.make("printf", "%s", "\udcff\udc80a\udcfe"))
            assert.deepStrictEqual(raw, new Uint8Array([255, 128, 97, 254]))
            const long = "it's 10 bytes!".repeat(7200)
            assert.strictEqual(yield* RemoteContext.string(Command.make("printf", "%s", long)), long)
          }))

        it.effect("what the login shell prints is kept apart", () =>
          Effect.scoped(Effect.gen(function*() {
            const process = yield* RemoteContext.start(sh`echo out; echo err >&2; exit 3`)
            const text = (stream: typeof process.stdout) => Stream.mkString(Stream.decodeText(stream))
            const [stdout, stderr] = yield* Effect.all([text(process.stdout), text(process.stderr)], { concurrency: 2 })
            assert.deepStrictEqual([stdout, stderr, yield* process.exitCode], ["out\n", "err\n", 3])
            const login = yield* process.loginOutput
            assert.strictEqual(login.includes("noise on stdout"), noisy)
          })))

        it.effect("distinguishes failures, and an interruption ends the group", () =>
          Effect.gen(function*() {
            const reasonOf = (command: Command.Command, options?: RemoteContext.RunOptions) =>
              Effect.map(Effect.flip(RemoteContext.string(command, options)), (error) => error.reason)
            assert.strictEqual(yield* reasonOf(Command.make("no-such-program")), "ProgramNotFound")
            assert.strictEqual(
              yield* reasonOf(Command.make("true").pipe(Command.workingDirectory("/no/such"))),
              "DirectoryNotFound"
            )
            assert.strictEqual(yield* RemoteContext.exitCode(sh`exit 127`), 127)
            const timedOut = reasonOf(sh`sleep 1000 & sleep 1000 & wait`, { timeout: "1 second" })
            assert.strictEqual(yield* timedOut, "TimedOut")
            assert.deepStrictEqual(yield* running("sleep"), [])
          }))

        it.effect.skipIf(!terminals)("a command with a terminal arrives unharmed", () =>
          Effect.gen(function*() {
            const text = yield* RemoteContext.string(Command.make("printf", "%s|", ...plain), { pty: true })
            assert.strictEqual(text, plain.map((word) => `${word}|`).join(""))
          }))
      })
    })
  }
}
