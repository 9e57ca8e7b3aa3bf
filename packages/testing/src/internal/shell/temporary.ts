/**
 * Changes to a shell for the duration of one command.
 */
import * as Effect from "effect/Effect"
import type * as descriptor from "./descriptor.js"
import * as state from "./state.js"

type Shell = state.Shell
type Run = Effect.Effect<number, state.Control>

const restore = (shell: Shell, variables: Iterable<readonly [string, state.Variable | undefined]>): void => {
  for (const [name, variable] of variables) {
    if (variable === undefined) shell.variables.delete(name)
    else shell.variables.set(name, variable)
  }
}

/** @internal */
export const withDescriptors = (shell: Shell, descriptors: descriptor.Descriptors, run: () => Run): Run => {
  const before = shell.descriptors
  if (descriptors === before) return run()
  return Effect.suspend(() => {
    shell.descriptors = descriptors
    return Effect.ensuring(
      run(),
      Effect.sync(() => {
        shell.descriptors = before
      })
    )
  })
}

/** Assigns for the time of a command. @internal */
export const withVariables = (shell: Shell, values: ReadonlyMap<string, string>, run: () => Run): Run => {
  if (values.size === 0) return run()
  return Effect.gen(function*() {
    const before = [...values.keys()].map((name) => [name, shell.variables.get(name)] as const)
    for (const [name, value] of values) {
      yield* state.assign(shell, name, value)
      shell.variables.set(name, { value, exported: true, readonly: false })
    }
    return yield* Effect.ensuring(run(), Effect.sync(() => restore(shell, before)))
  })
}

/** Runs the body of a function, with parameters and locals of its own. @internal */
export const inFunction = (shell: Shell, parameters: ReadonlyArray<string>, body: () => Run): Run =>
  Effect.suspend(() => {
    const { line, loops, parameters: before } = shell
    shell.parameters = parameters
    shell.locals.push(new Map())
    shell.loops = 0
    return body().pipe(
      Effect.catchTag("Return", ({ code }) => Effect.succeed(code)),
      Effect.ensuring(Effect.sync(() => {
        restore(shell, shell.locals.pop() ?? [])
        shell.parameters = before
        shell.loops = loops
        shell.line = line
      }))
    )
  })

/** Words about trouble begin with a prefix. @internal */
export const withPrefix = (shell: Shell, prefix: string, run: () => Run): Run => {
  const before = shell.within
  if (prefix === before) return run()
  return Effect.suspend(() => {
    shell.within = prefix
    return Effect.ensuring(
      run(),
      Effect.sync(() => {
        shell.within = before
      })
    )
  })
}
