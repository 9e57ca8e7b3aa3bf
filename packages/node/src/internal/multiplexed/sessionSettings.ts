/**
 * The requests that `ssh HOST` would make for a session: agent forwarding and variables. Channels of a shared connection
 * must make them themselves.
 */
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import { execFile } from "node:child_process"
import * as process from "node:process"
import type { Installation } from "../ssh/installation.js"

/** @internal */
export interface SessionSettings {
  readonly forwardAgent: boolean
  readonly environment: ReadonlyArray<readonly [name: string, value: string]>
}

// A `Match exec` in the user's configuration may be slow.
const answeredWithin = "10 seconds"

// SendEnv has the wildcards `*` and `?`.
const matches = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".")}$`
  )

/** @internal */
export const parse = (output: string, environment: NodeJS.ProcessEnv): SessionSettings => {
  const values = (keyword: string) =>
    output.split("\n").filter((line) => line.startsWith(`${keyword} `)).map((line) => line.slice(keyword.length + 1))
  const patterns = values("sendenv").flatMap((line) => line.split(/\s+/)).map(matches)
  const sent = Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && patterns.some((pattern) => pattern.test(name)) ? [[name, value] as const] : []
  )
  const set = values("setenv").flatMap((line) => {
    const at = line.indexOf("=")
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : []
  })
  return { forwardAgent: values("forwardagent").some((value) => value !== "no"), environment: [...sent, ...set] }
}

/**
 * Reads the settings from `ssh -G`. If it fails, the settings are empty.
 *
 * @internal
 */
export const make = (host: RemoteHost, ssh: string, installation: Installation): Effect.Effect<SessionSettings> =>
  Effect.async<string>((resume) => {
    const child = execFile(
      ssh,
      ["-F", installation.config, "-G", "--", host.host],
      { maxBuffer: 4 * 1024 * 1024 },
      (error, stdout) => resume(Effect.succeed(error === null ? stdout : ""))
    )
    child.on("error", () => {})
    return Effect.sync(() => child.kill("SIGKILL"))
  }).pipe(
    Effect.timeoutTo({ duration: answeredWithin, onSuccess: identity, onTimeout: () => "" }),
    Effect.map((output) => parse(output, process.env))
  )
