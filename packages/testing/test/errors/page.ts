import { RemoteError } from "@effect-remote/core"
import type { Sshd } from "@effect-remote/testing"
import { Cause, Effect } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import { fileURLToPath } from "node:url"
import { commands } from "./commands.js"
import { connections } from "./connections.js"
import type { Example, Family } from "./example.js"
import { files, transfers } from "./files.js"
import { hosts, servers } from "./servers.js"
import { socks, tunnels } from "./tunnels.js"

const packages = fileURLToPath(new URL("../../..", import.meta.url))

/** The page, which the test compares and writes. */
export const file = fileURLToPath(new URL("../../../../docs/errors.md", import.meta.url))

/** All kinds of errors, in the order of the page. */
export const families = (sshd: Sshd.Sshd): ReadonlyArray<Family> => [
  connections(sshd),
  commands,
  files,
  transfers,
  tunnels,
  socks,
  servers,
  hosts
]

// The doc comment of a union of reasons has an item for each, or for some together.
const meaningsOf = ([source, union]: readonly [string, string]): ReadonlyMap<string, string> => {
  const [before = ""] = fs.readFileSync(`${packages}${source}`, "utf8").split(`export const ${union} = `)
  const comment = before.slice(before.lastIndexOf("/**")).replace(/^ \* ?/gm, "")
  const items = comment.split(/^- /m).slice(1).map((item) => item.split(/\n\n/)[0]!.replace(/\s*\n\s*/g, " ").trim())
  return new Map(items.flatMap((item) => {
    const [, names = "", meaning = ""] = /^((?:`\w+`(?:, )?)+): (.*)$/.exec(item) ?? []
    return Array.from(names.matchAll(/\w+/g), ([name]) => [name, meaning] as const)
  }))
}

// Replaces names, ports and keys that are new in each run.
const anonymous = (message: string): string =>
  message
    .replaceAll(`${os.userInfo().username}@127.0.0.1`, "luigi@127.0.0.1")
    .replaceAll(`${os.tmpdir()}/`, "/tmp/")
    .replace(/(effect-remote-(?:sshd-)?)[A-Za-z0-9]{6}\b/g, "$1XXXXXX")
    .replace(/SHA256:[A-Za-z0-9+/]{43}/g, "SHA256:...")
    .replace(/OpenSSH_[^\s,)]+/g, "OpenSSH_9.2p1")
    .replace(/(127\.0\.0\.1\]?(?::| port ))\d{4,5}\b/g, "$12222")

const sentence = (text: string): string => text === "" ? "" : text[0]!.toUpperCase() + text.slice(1)

interface Row {
  readonly reason: string
  readonly meaning: string
  readonly advice: string
  readonly isTransient: boolean
  /** `undefined` without an example. `without` then gives the cause. */
  readonly message: string | undefined
  readonly without: string | undefined
}

const rowOf = (reason: string, example: Example, meanings: ReadonlyMap<string, string>) =>
  Effect.gen(function*() {
    const meaning = example.meaning ?? meanings.get(reason)
    if (meaning === undefined) return yield* Effect.dieMessage(`the doc comment does not explain ${reason}`)
    const row = { reason, meaning: sentence(meaning), advice: example.advice }
    if (typeof example.error === "string") {
      return { ...row, isTransient: false, message: undefined, without: example.error } satisfies Row
    }
    const error = yield* Effect.scoped(example.error).pipe(
      Effect.timeoutFailCause({
        duration: "20 seconds",
        onTimeout: () => Cause.die(`the example of ${reason} does not end`)
      }),
      Effect.catchAllCause((cause) => Effect.dieMessage(`the example of ${reason} fails: ${Cause.pretty(cause)}`))
    )
    const found = error as { readonly _tag: string; readonly reason?: string; readonly message: string }
    if ((found.reason ?? found._tag) !== reason) {
      return yield* Effect.dieMessage(`the example of ${reason} is ${found.reason ?? found._tag}: ${found.message}`)
    }
    return {
      ...row,
      isTransient: RemoteError.isTransient(error),
      message: anonymous(found.message),
      without: undefined
    } satisfies Row
  })

const section = (family: Family) =>
  Effect.gen(function*() {
    const meanings = family.meanings === undefined ? new Map<string, string>() : meaningsOf(family.meanings)
    const rows: ReadonlyArray<Row> = yield* Effect.forEach(
      Object.entries(family.examples),
      ([reason, example]) => rowOf(reason, example, meanings),
      { concurrency: 4 }
    )
    return [
      `## ${family.name}`,
      "",
      family.text,
      "",
      "| reason | meaning | what to do | a retry can help |",
      "| --- | --- | --- | --- |",
      ...rows.map(({ advice, isTransient, meaning, reason }) =>
        `| \`${reason}\` | ${meaning} | ${advice} | ${isTransient ? "yes" : "no"} |`
      ),
      "",
      ...rows.flatMap(({ message, reason, without }) =>
        message === undefined
          ? [`\`${reason}\` has no example: ${without}.`, ""]
          : [`\`${reason}\`:`, "", "```text", message, "```", ""]
      )
    ].join("\n")
  })

const introduction = `# Errors

Each error has a \`reason\`, and a message that says what failed, on which host, what came back, and what to try. This page lists all
reasons. The messages below come from a test that provokes each error.

"A retry can help" is what \`RemoteError.isTransient\` says about the error.
`

/** The text of the page. */
export const text = (sshd: Sshd.Sshd) =>
  Effect.map(
    Effect.forEach(families(sshd), section),
    (sections) => `${[introduction, ...sections].join("\n").trimEnd()}\n`
  )
