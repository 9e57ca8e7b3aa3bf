/**
 * The base of the host's tools: programs whose texts are byte strings, as in `bytes.ts`.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as lacks from "../program/lacks.js"
import type { Invocation, Lookup, Program, ProgramExit } from "../program/program.js"
import type { SftpFileSystem } from "../sftp/sftpFileSystem.js"
import * as bytes from "./bytes.js"
import * as directories from "./directories.js"

/** The end of a tool before its end, with words about why. @internal */
export class Stop extends Data.TaggedError("Stop")<{ readonly code: number; readonly words?: string }> {}

/** Nobody reads any more. @internal */
export class Closed extends Data.TaggedError("Closed") {}

/** A signal ended the program that the tool had been replaced by. @internal */
export class Signalled extends Data.TaggedError("Signalled")<{ readonly signal: string }> {}

/** @internal */
export interface Tool {
  readonly name: string
  readonly words: ReadonlyArray<string>
  readonly environment: ReadonlyMap<string, string>
  readonly directory: string
  readonly files: SftpFileSystem
  readonly invocation: Invocation
  /** How other programs are found. */
  readonly lookup: Lookup
  readonly print: (text: string) => Effect.Effect<void, Closed>
  /** Prints bytes as they are. */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void, Closed>
  /** Prints a line about an error. */
  readonly complain: (words: string) => Effect.Effect<void, Closed>
  /** A path as the files take it. */
  readonly at: (path: string) => string
}

/** @internal */
export type Run = (tool: Tool) => Effect.Effect<number, Closed | Signalled | Stop>

/** @internal */
export const program = (lookup: Lookup, run: Run): Program => (invocation) => {
  const [first, ...rest] = invocation.words
  const name = bytes.fromText(first)
  const send = (write: Invocation["stdout"], sent: Uint8Array) =>
    sent.length === 0 ? Effect.void : Effect.flatMap(write(sent), (read) => read ? Effect.void : new Closed())
  const complain = (words: string) =>
    Effect.zipRight(lacks.said(first, words), send(invocation.stderr, bytes.encode(`${name}: ${words}\n`)))
  const directory = bytes.fromText(invocation.directory)
  return run({
    name,
    words: rest.map(bytes.fromText),
    environment: invocation.environment,
    directory,
    files: invocation.files,
    invocation,
    lookup,
    print: (text) => send(invocation.stdout, bytes.encode(text)),
    send: (sent) => send(invocation.stdout, sent),
    complain,
    at: (path) => directories.at(directory, path)
  }).pipe(
    Effect.catchTag("Stop", ({ code, words }) => Effect.as(words === undefined ? Effect.void : complain(words), code)),
    Effect.map((code): ProgramExit => ({ _tag: "Code", code })),
    Effect.catchTag("Signalled", ({ signal }) => Effect.succeed<ProgramExit>({ _tag: "Signal", signal })),
    Effect.catchTag("Closed", () => Effect.succeed<ProgramExit>({ _tag: "Signal", signal: "PIPE" }))
  )
}

/** @internal */
export const stop = (words: string, code = 1): Stop => new Stop({ code, words })
