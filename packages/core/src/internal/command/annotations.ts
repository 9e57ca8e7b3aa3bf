import type * as Command from "@effect/platform/Command"
import type * as Redacted from "effect/Redacted"
import * as masks from "./mask.js"

/**
 * Facts about a command made by `sh`, in addition to the platform's fields. They survive `Command.env` and its siblings, which
 * copy own properties.
 *
 * @internal
 */
export interface Annotations {
  readonly secrets: ReadonlyArray<Redacted.Redacted<string>>
  /** Why the command must not be run. */
  readonly problem: string | undefined
}

const key: unique symbol = Symbol.for("@effect-remote/core/RemoteCommand/annotations")

const none: Annotations = { secrets: [], problem: undefined }

/** @internal */
export const get = (command: Command.Command): Annotations => (command as { readonly [key]?: Annotations })[key] ?? none

/** @internal */
export const set = (command: Command.StandardCommand, annotations: Annotations): Command.StandardCommand => {
  const inherited = command.toJSON
  const hide = masks.make(annotations.secrets)
  const toJSON = function(this: Command.StandardCommand) {
    return everyString(inherited.call(this), (text) => hide(text))
  }
  return Object.assign(Object.create(Object.getPrototypeOf(command)), command, { [key]: annotations, toJSON })
}

const everyString = (value: unknown, change: (text: string) => string): unknown => {
  if (typeof value === "string") return change(value)
  if (Array.isArray(value)) return value.map((each) => everyString(each, change))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, everyString(each, change)]))
}
