import { SystemError } from "@effect/platform/Error"
import { assert, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Outcome, TransferError } from "../../src/Transfer.js"
import { SocksError } from "../../src/Tunnel.js"

const overJson = <A, I>(schema: Schema.Schema<A, I>, error: A) =>
  Effect.flatMap(
    Schema.encode(schema)(error),
    (encoded) => Schema.decodeUnknown(schema)(JSON.parse(JSON.stringify(encoded)))
  )

it.effect("a TransferError keeps all outcomes when it is encoded and decoded", () =>
  Effect.gen(function*() {
    const entry = { path: "a", type: "File", size: 2n ** 60n } as const
    const failure = new SystemError({
      module: "FileSystem",
      method: "put",
      reason: "PermissionDenied",
      pathOrDescriptor: "/to/a",
      description: "the host does not permit it"
    })
    const error = new TransferError({
      entries: [
        Outcome.Copied({ resumedAt: 2n ** 61n, replaced: true, unset: "mode" }),
        Outcome.Created(),
        Outcome.Linked({ target: "b" }),
        Outcome.Unchanged(),
        Outcome.Skipped({ reason: "filtered" }),
        Outcome.Deleted(),
        Outcome.Failed({ error: failure })
      ].map((outcome) => ({ ...entry, outcome })),
      files: 1,
      bytes: 2n ** 60n,
      from: "/from",
      to: "/to",
      host: "host",
      refusedDeletions: 3,
      maxDelete: 2
    })
    const decoded = yield* overJson(TransferError, error)
    assert.instanceOf(decoded, TransferError)
    assert.strictEqual(decoded.message, error.message)
    assert.include(decoded.message, "`delete` would remove 3 entries and `maxDelete` is 2")
    assert.deepStrictEqual(
      decoded.entries.map(({ outcome, ...entry }) => ({ ...entry, outcome: { ...outcome } })),
      error.entries.map(({ outcome, ...entry }) => ({ ...entry, outcome: { ...outcome } }))
    )
  }))

it.effect("a SocksError keeps its reason when it is encoded and decoded", () =>
  Effect.gen(function*() {
    const error = new SocksError({ reason: "AddressType", message: "type 9" })
    const decoded = yield* overJson(SocksError, error)
    assert.instanceOf(decoded, SocksError)
    assert.deepStrictEqual([decoded.reason, decoded.message], ["AddressType", "type 9"])
  }))
