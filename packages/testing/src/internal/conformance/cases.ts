/**
 * Cases as tests of vitest.
 */
import { layer } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Capabilities, Options } from "../../Conformance.js"
import type { Services } from "./support.js"

// What a case that is left out says of itself.
const lacks: Readonly<Record<keyof Capabilities, string>> = {
  exitSignal: "the name of a signal is not known",
  halfClose: "a connection ends both ways at once",
  manyChannels: "each connection is a process",
  pty: "there are no pseudo-terminals",
  remoteForward: "the host does not listen",
  unixSockets: "there are no unix sockets",
  jobs: "the shell there has no jobs",
  specialFiles: "there are no devices and pipes among the files"
}

// Of a case, in milliseconds: whatever the configuration of vitest has.
const longest = 60_000

/**
 * Defines a case that wants these capabilities.
 *
 * @internal
 */
export type Test = (
  title: string,
  body: () => Effect.Effect<unknown, unknown, Services | Scope.Scope>,
  ...needs: ReadonlyArray<keyof Capabilities>
) => void

/**
 * A part of the suite. Its cases share one connection.
 *
 * @internal
 */
export const cases =
  (title: string, define: (test: Test, capabilities: Capabilities) => void) =>
  ({ capabilities, layer: live, name }: Options): void =>
    layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`${title} on ${name}`, (it) => {
      define((title, body, ...needs) => {
        const lacking = needs.filter((capability) => !capabilities[capability]).map((capability) => lacks[capability])
        it.scoped.skipIf(lacking.length > 0)(
          lacking.length === 0 ? title : `${title} (left out: ${lacking.join(", ")})`,
          body,
          longest
        )
      }, capabilities)
    })
