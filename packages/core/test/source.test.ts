import { assert, describe, it } from "@effect/vitest"
import * as source from "../src/internal/scripts/source.js"

describe("the sources of scripts", () => {
  it("removes comments, and keeps a # within a line", () => {
    assert.strictEqual(source.withoutComments("# one\n  # two\na \"#\" ${b#c}\n"), "a \"#\" ${b#c}\n")
  })

  it("joins commands by semicolons, except after what opens a list", () => {
    const script = `
      # greets
      greet() {
        case $1 in
          a) echo a;;
          *) echo b &&
            echo c;;
        esac
        for each in 1 2; do
          if true; then
            echo "$each"
          else
            :
          fi
        done
      }
    `
    assert.strictEqual(
      source.oneLine(script),
      "greet() { case $1 in a) echo a;; *) echo b && echo c;; esac; " +
        "for each in 1 2; do if true; then echo \"$each\"; else :; fi; done; }"
    )
  })
})
