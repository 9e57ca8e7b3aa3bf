/**
 * The suite of behaviours that every transport passes, as tests of vitest: commands, files, atomic writes, walks, transfers
 * and tunnels. It also covers interruption, lost connections, and that nothing is left open.
 *
 * It needs `vitest` and `@effect/vitest`, and only works in files that vitest runs. The index does not export it.
 *
 * @since 0.1.0
 */
import type { RemoteContext } from "@effect-remote/core/RemoteContext"
import type { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import type { Transport } from "@effect-remote/core/Transport"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as ConformanceHost from "./ConformanceHost.js"

import { atomicWrites } from "./internal/conformance/atomicWrites.js"
import { commands } from "./internal/conformance/commands.js"
import { compositions } from "./internal/conformance/compositions.js"
import { endings } from "./internal/conformance/endings.js"
import { files } from "./internal/conformance/files.js"
import { interruptions } from "./internal/conformance/interruptions.js"
import { processes } from "./internal/conformance/processes.js"
import { transferRules } from "./internal/conformance/transferRules.js"
import { transfers } from "./internal/conformance/transfers.js"
import { tunnels } from "./internal/conformance/tunnels.js"
import { walking } from "./internal/conformance/walking.js"

/**
 * The host that the suite runs against.
 *
 * @since 0.1.0
 * @category modules
 */
export * as ConformanceHost from "./ConformanceHost.js"

const suite = {
  commands,
  processes,
  files,
  atomicWrites,
  walking,
  transfers,
  transferRules,
  tunnels,
  endings,
  compositions,
  interruptions
}

/**
 * A part of the suite.
 *
 * @since 0.1.0
 * @category models
 */
export type Part = keyof typeof suite

/**
 * All parts of the suite, in the order in which they run.
 *
 * @since 0.1.0
 * @category constants
 */
export const parts = Object.keys(suite) as ReadonlyArray<Part>

/**
 * A transport under test.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Name of the transport, shown with each part of the suite. */
  readonly name: string
  /**
   * The transport and its host, built once for each part of the suite. The user who logs in needs a shell. For `root` the
   * suite expects fewer refusals.
   */
  readonly layer: Layer.Layer<
    ConformanceHost.ConformanceHost | RemoteContext | RemoteFileSystem | Transport,
    unknown
  >
  /** Makes another host, until the scope closes, for the cases that use several hosts in one program. */
  readonly namedHost: (name: string) => Effect.Effect<ConformanceHost.NamedHost, unknown, Scope.Scope>
  /** Time limit of one case with one host, whatever the configuration of vitest says. Default: 1 minute. */
  readonly caseTimeout?: Duration.DurationInput | undefined
  /** The parts that run, so that test files side by side can each have some of them. Default: all `parts`. */
  readonly parts?: ReadonlyArray<Part> | undefined
}

/**
 * Defines the tests of the suite for one transport.
 *
 * A case that needs what the transport (`Transport.capabilities`) or the host (`ConformanceHost.capabilities`) lacks is
 * skipped, with the reason. The count of cases is the same for every transport.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import type { OpenSsh } from "@effect-remote/node"
 * import type { RemoteHost } from "@effect-remote/core"
 * import { Sshd } from "@effect-remote/testing"
 * import { conformance, ConformanceHost } from "@effect-remote/testing/Conformance"
 * import { Effect, Layer } from "effect"
 *
 * declare const myLayer: (host: RemoteHost.RemoteHost) => Layer.Layer<OpenSsh.Services, Error>
 *
 * const transport = Layer.unwrapEffect(Effect.map(Sshd.Sshd, ({ host }) => myLayer(host)))
 *
 * conformance({
 *   name: "my transport",
 *   layer: Layer.merge(transport, ConformanceHost.layerSshd).pipe(Layer.provide(Sshd.layer({ loginShell: "sh" }))),
 *   namedHost: ConformanceHost.namedSshd(myLayer)
 * })
 * ```
 */
export const conformance = (options: Options): void => {
  for (const part of options.parts ?? parts) {
    suite[part](options)
  }
}
