import * as Effect from "effect/Effect"
import * as bytes from "../bytes.js"
import * as directories from "../directories.js"
import * as state from "../state.js"
import { type Builtin, failing, print, refuse } from "./builtin.js"

/** @internal */
export const cd: Builtin = (shell, [name, ...words]) =>
  Effect.gen(function*() {
    const isOption = (word: string | undefined) => word === "-L" || word === "-P" || word === "--"
    let physical = false
    while (isOption(words[0])) {
      const option = words.shift()
      if (option === "--") break
      physical = option === "-P"
    }
    const [given = state.valueOf(shell, "HOME") ?? ""] = words
    if (given.startsWith("-") && given !== "-") return yield* refuse(shell, name, `the option ${given}`)
    if (state.valueOf(shell, "CDPATH")) return yield* refuse(shell, name, "CDPATH")
    const to = given === "-" ? state.valueOf(shell, "OLDPWD") ?? "" : given
    // no name is where it is already
    const path = to === "" ? shell.directory : directories.resolve(shell.directory, to)
    const logical = directories.normalize(path)
    const found = yield* Effect.either(
      Effect.zipRight(
        shell.files.stat(bytes.toText(`${physical ? path : logical}/.`)),
        physical ? directories.real(shell.files, path, false) : Effect.succeed(logical)
      )
    )
    if (found._tag === "Left") return yield* failing(shell, `cd: can't cd to ${to}`)
    yield* state.assign(shell, "OLDPWD", shell.directory)
    shell.directory = found.right
    yield* state.assign(shell, "PWD", found.right)
    return given === "-" ? yield* print(shell, name, `${found.right}\n`) : 0
  })

/** @internal */
export const pwd: Builtin = (shell, [name, option]) => {
  if (option === "-P") {
    return Effect.matchEffect(directories.real(shell.files, shell.directory, false), {
      onFailure: () => failing(shell, "pwd: No such file or directory"),
      onSuccess: (path) => print(shell, name, `${path}\n`)
    })
  }
  if (option !== undefined && option.startsWith("-") && option !== "-L") {
    return refuse(shell, name, `the option ${option}`)
  }
  return print(shell, name, `${shell.directory}\n`)
}
