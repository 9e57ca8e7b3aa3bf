import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import * as input from "../input.js"
import * as options from "../options.js"
import type * as tool from "../tool.js"

const digest = (algorithm: string): tool.Run => (self) =>
  Effect.gen(function*() {
    const found = yield* options.read(`${algorithm}sum`, self.words, { flags: "bt" })
    return yield* input.each(self, found.operands, (path) =>
      Effect.gen(function*() {
        const hash = createHash(algorithm)
        yield* input.chunks(self, path, (chunk) => Effect.sync(() => void hash.update(chunk)))
        const escaped = path.replace(/[\\\n\r]/g, (one) => one === "\\" ? "\\\\" : one === "\n" ? "\\n" : "\\r")
        yield* self.print(
          `${escaped === path ? "" : "\\"}${hash.digest("hex")} ${found.has("b") ? "*" : " "}${escaped}\n`
        )
      }))
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = {
  md5sum: digest("md5"),
  sha1sum: digest("sha1"),
  sha224sum: digest("sha224"),
  sha256sum: digest("sha256"),
  sha384sum: digest("sha384"),
  sha512sum: digest("sha512")
}
