/**
 * The option `skipUnchanged`: whether the target has the source's content already.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as content from "../content.js"
import type { Endpoint, FileInfo, Fx, Times } from "../endpoint.js"
import * as preserved from "../preserved.js"
import type { Copier, File } from "./copier.js"

const seconds = (time: number) => Math.floor(time / 1000)

const isSameContent = ({ from, hash, to }: Copier, { seen, source, target }: File): Fx<boolean> =>
  content.isSameFile({ side: from, path: source }, { side: to, path: target }, seen.size, hash)

const setTimes = (to: Endpoint, path: string, existing: FileInfo, times: Times): Fx<unknown> =>
  Effect.scoped(
    Effect.flatMap(
      to.write(path, undefined, existing, path),
      ({ finish }) => finish({ ...preserved.nothing, times }, false)
    )
  )

// A young file could change again without a new time. Its copy got a time one second earlier, so the content is compared.
const quickCheck = (self: Copier, file: File, existing: FileInfo): Fx<boolean> =>
  Effect.gen(function*() {
    const { seen, target } = file
    const later = seconds(seen.mtime) - seconds(existing.mtime)
    const isYoung = preserved.isYoung(seen, yield* Clock.currentTimeMillis)
    if (later === 0 && !isYoung) return true
    if (later !== 0 && later !== 1 || !(yield* isSameContent(self, file))) return false
    // If the time cannot be set, the next transfer compares again.
    if (!isYoung) yield* Effect.ignore(setTimes(self.to, target, existing, seen))
    return true
  })

/** @internal */
export const isUnchanged = (self: Copier, file: File): Fx<boolean> =>
  Effect.suspend(() => {
    const { options: { skipUnchanged } } = self
    const { existing, seen } = file
    if (skipUnchanged === undefined || existing?.type !== "File" || existing.size !== seen.size) {
      return Effect.succeed(false)
    }
    return skipUnchanged === "content" ? isSameContent(self, file) : quickCheck(self, file, existing)
  })
