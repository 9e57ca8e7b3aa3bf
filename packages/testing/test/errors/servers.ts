import { InMemoryHost, Sshd } from "@effect-remote/testing"
import { InMemoryHostReason } from "@effect-remote/testing/InMemoryHostError"
import { ConfigProvider, Effect, Redacted } from "effect"
import type { Example, Family } from "./example.js"

const starting = (options: Sshd.Options, environment: Record<string, string> = {}) =>
  Effect.flip(Sshd.make(options)).pipe(
    Effect.withConfigProvider(ConfigProvider.fromMap(
      new Map(Object.entries({ PATH: process.env.PATH ?? "", ...environment }))
    ))
  )

const examples: Record<Sshd.SshdReason, Example> = {
  NotFound: {
    advice: "Install OpenSSH's server, or use the embedded one.",
    error: starting({ kind: "openssh", executable: "/opt/openssh/sbin/sshd" })
  },
  SshKeygenNotFound: {
    advice: "Install OpenSSH's client.",
    error: starting({ kind: "openssh" }, { PATH: "/nonexistent" })
  },
  Ssh2NotFound: {
    advice: "Install `ssh2`, or OpenSSH's server.",
    error: starting({ kind: "embedded" })
  },
  ShellNotFound: {
    advice: "Install the shell.",
    error: starting({ kind: "openssh", loginShell: "no-such-shell" })
  },
  SftpServerNotFound: {
    advice: "Install OpenSSH's server, or set `sftp: \"none\"`.",
    error: "it needs a machine without `sftp-server`"
  },
  InvalidOptions: {
    advice: "Correct the option.",
    error: starting({ maxSessions: -1 })
  },
  Unsupported: {
    advice: "Use the other kind of server, or another user.",
    error: starting({ kind: "openssh", password: { username: "luigi", password: Redacted.make("secret") } })
  },
  StartFailed: {
    advice: "Read the server's log in the message.",
    error: starting({ kind: "openssh", config: ["NoSuchKeyword yes"] })
  }
}

/** @internal */
export const servers: Family = {
  name: "SshdError",
  text: "A throwaway server of `@effect-remote/testing` could not be started.",
  meanings: ["testing/src/SshdError.ts", "SshdReason"],
  reasons: Sshd.SshdReason.literals,
  examples
}

const making = (options: InMemoryHost.Options<{}, never, {}>) => Effect.flip(InMemoryHost.make(options))

const hostExamples: Record<InMemoryHostReason, Example> = {
  InvalidSeed: {
    advice: "Correct the entry.",
    error: making({ files: { "a.csv": "1\n" } })
  },
  InvalidCommand: {
    advice: "Correct the name in `commands`.",
    error: making({ commands: { "": "" } as never })
  },
  InvalidService: {
    advice: "Write addresses as `name:port`, or as the path of a unix socket.",
    error: making({ services: { nowhere: Effect.void } as never })
  },
  InvalidOptions: {
    advice: "Correct the option.",
    error: making({ maxSessions: -1 })
  }
}

/** @internal */
export const hosts: Family = {
  name: "InMemoryHostError",
  text: "The options of `InMemoryHost` are invalid.",
  meanings: ["testing/src/InMemoryHostError.ts", "InMemoryHostReason"],
  reasons: InMemoryHostReason.literals,
  examples: hostExamples
}
