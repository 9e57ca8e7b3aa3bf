import { describe } from "@effect/vitest"
import * as suite from "./suite.js"

describe.runIf(suite.isPossible)("500 programs of 100 steps", () => {
  suite.programs(Array.from({ length: 500 }, (_, index) => index + 1), 100)
})
