import * as Data from "effect/Data"

/**
 * A seed of an in-memory host is invalid.
 *
 * @internal
 */
export class SeedError extends Data.TaggedError("SeedError")<{
  readonly kind: "file" | "directory" | "link" | "pipe" | "user" | "group"
  /** The path, or the name. */
  readonly entry: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.kind} ${JSON.stringify(this.entry)}: ${this.reason}`
  }
}
