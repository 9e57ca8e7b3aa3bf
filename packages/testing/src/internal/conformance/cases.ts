/**
 * Cases as tests of vitest.
 */
import { Transport } from "@effect-remote/core/Transport"
import { layer } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { TestContext } from "vitest"
import { ConformanceHost } from "../../ConformanceHost.js"
import type { Services } from "./support.js"

// Why a case is skipped, by what it needs of the transport or of the host.
const reasons = {
  halfClose: "a connection ends in both directions at once",
  oneConnection: "each channel is a connection of its own",
  remoteForward: "the transport cannot make the host listen",
  unixSockets: "the transport does not connect to unix sockets",
  pty: "the host has no pseudo-terminals",
  jobs: "the shell of the host has no jobs",
  specialFiles: "the host has no devices, /proc and named pipes"
}

/** @internal */
export type Need = keyof typeof reasons

/**
 * The time limit of a case, in milliseconds.
 *
 * @internal
 */
export const longest = (options: { readonly caseTimeout?: Duration.DurationInput | undefined }): number =>
  Duration.toMillis(options.caseTimeout ?? "1 minute")

/**
 * Defines a case with these needs.
 *
 * @internal
 */
export type Test = (
  title: string,
  body: () => Effect.Effect<unknown, unknown, Services | Scope.Scope>,
  ...needs: ReadonlyArray<Need>
) => void

/**
 * Some cases of a part.
 *
 * @internal
 */
export type Group = (test: Test) => void

/** @internal */
export type Part = (options: {
  readonly name: string
  readonly layer: Layer.Layer<Services, unknown>
  readonly caseTimeout?: Duration.DurationInput | undefined
}) => void

const missing = (needs: ReadonlyArray<Need>): Effect.Effect<ReadonlyArray<string>, never, Services> =>
  Effect.map(Effect.all([Transport, ConformanceHost]), ([transport, host]) => {
    const capabilities = { ...transport.capabilities, ...host.capabilities }
    return needs.filter((need) => !capabilities[need]).map((need) => reasons[need])
  })

// `skip` throws, and the runner of @effect/vitest would replace the error and lose the note.
const skip = ({ skip, task }: TestContext, note: string): void => {
  try {
    skip(note)
  } catch {
    Object.assign(task.result ?? {}, { note })
  }
}

/**
 * A part of the suite. Its cases share one connection.
 *
 * @internal
 */
export const cases = (title: string, ...groups: ReadonlyArray<Group>): Part => (options) =>
  layer(options.layer, { excludeTestServices: true, timeout: "60 seconds" })(`${title} on ${options.name}`, (it) => {
    const test: Test = (title, body, ...needs) =>
      it.scoped(
        title,
        (context) =>
          Effect.flatMap(missing(needs), (found) =>
            found.length === 0 ? body() : Effect.sync(() => skip(context, found.join(", ")))),
        longest(options)
      )
    for (const define of groups) define(test)
  })
