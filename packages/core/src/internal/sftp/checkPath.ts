/**
 * Checks paths before a request is sent.
 */
import * as Effect from "effect/Effect"
import type { Fx } from "../lib/fx.js"
import * as text from "../lib/text.js"
import type { CallContext } from "./callContext.js"
import * as errors from "./errors.js"

/**
 * Checks a path as `checkName` does. Also refuses a path that begins with `~`, which only a shell expands.
 *
 * @internal
 */
export const checkPath = (call: CallContext): Fx<void> => {
  const { path } = call
  return path.startsWith("~")
    ? Effect.fail(
      errors.badArgument(
        call,
        `the path ${JSON.stringify(path)} begins with "~", which is not expanded: use the path of the home directory ` +
          `(\`expandPath\` finds a host's), or ${JSON.stringify(`./${path}`)} for a name that begins so`
      )
    )
    : checkName(call)
}

/**
 * Refuses an empty path, and a path that cannot be encoded or contains a NUL.
 *
 * @internal
 */
export const checkName = (call: CallContext): Fx<void> => {
  const { path } = call
  // Same as in Node.
  if (path.length === 0) return Effect.fail(errors.system(call, "NotFound", undefined, "the path is empty"))
  if (path.includes("\0")) {
    return Effect.fail(errors.badArgument(call, `the path ${JSON.stringify(path)} contains a NUL`))
  }
  return text.isEncodable(path)
    ? Effect.void
    : Effect.fail(
      errors.badArgument(call, `the path ${JSON.stringify(path)} contains a lone surrogate, which cannot be encoded`)
    )
}
