import type { LocalHash } from "@effect-remote/core/LocalHash"
import { BadArgument } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"

/** @internal */
export const hash: LocalHash = {
  make: (algorithm) =>
    Effect.map(
      // OpenSSL may forbid an algorithm, for example MD5 in FIPS mode.
      Effect.try({
        try: () => Crypto.createHash(algorithm),
        catch: (cause) =>
          new BadArgument({
            module: "FileSystem",
            method: "digest",
            description: `Node.js on this machine does not support ${algorithm}`,
            cause
          })
      }),
      (hash) => ({
        update: (bytes) => void hash.update(bytes),
        hex: () => hash.digest("hex")
      })
    )
}
