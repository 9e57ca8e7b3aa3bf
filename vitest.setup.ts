import { addEqualityTesters, it, makeMethods } from "@effect/vitest"
import { afterEach } from "vitest"

addEqualityTesters()
// `layer` of @effect/vitest changes the methods of the one `it`, which files that share a worker have in common.
makeMethods(it)
// Vitest waits a minute for answers to a worker, which reads none while tests follow one another without a pause.
afterEach(() => new Promise<void>((resolve) => setImmediate(resolve)))
