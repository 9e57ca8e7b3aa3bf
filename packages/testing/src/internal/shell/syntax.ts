/**
 * The syntax tree of a shell script. Texts are byte strings, as in `bytes.ts`.
 */

/** @internal */
export type Part =
  | { readonly _tag: "Literal"; readonly text: string; readonly quoted: boolean }
  | {
    readonly _tag: "Parameter"
    readonly name: string
    readonly operation: Operation | undefined
    readonly quoted: boolean
  }
  | { readonly _tag: "Substitution"; readonly script: Script; readonly quoted: boolean }
  | { readonly _tag: "Arithmetic"; readonly parts: ReadonlyArray<Part>; readonly quoted: boolean }

/** @internal */
export type Operation =
  | { readonly _tag: "Length" }
  | Otherwise
  | {
    readonly _tag: "Prefix" | "Suffix"
    readonly longest: boolean
    readonly word: ReadonlyArray<Part>
  }

/** The alternative for a parameter that is not set. @internal */
export interface Otherwise {
  readonly _tag: "Default" | "Assign" | "Alternative" | "Fail"
  /** Whether an empty value is treated as not set. */
  readonly orEmpty: boolean
  readonly word: ReadonlyArray<Part>
}

/** @internal */
export interface Word {
  readonly parts: ReadonlyArray<Part>
}

/** @internal */
export interface Redirection {
  readonly descriptor: number
  readonly operator: "<" | ">" | ">>" | ">|" | "<&" | ">&" | "<<"
  /** The file or descriptor, or the content of a here-document. */
  readonly target: Word
}

/** @internal */
export interface Assignment {
  readonly name: string
  readonly value: Word
}

/** @internal */
export interface Simple {
  readonly _tag: "Simple"
  readonly line: number
  readonly assignments: ReadonlyArray<Assignment>
  readonly words: ReadonlyArray<Word>
  readonly redirections: ReadonlyArray<Redirection>
}

/** @internal */
export type Command =
  | Simple
  | {
    readonly _tag: "Redirected"
    readonly line: number
    readonly command: Command
    readonly redirections: ReadonlyArray<Redirection>
  }
  | { readonly _tag: "Group" | "Subshell"; readonly body: Script }
  | {
    readonly _tag: "If"
    readonly branches: ReadonlyArray<{ readonly condition: Script; readonly body: Script }>
    readonly otherwise: Script | undefined
  }
  | { readonly _tag: "While"; readonly until: boolean; readonly condition: Script; readonly body: Script }
  | {
    readonly _tag: "For"
    readonly name: string
    /** `undefined`: the parameters. */
    readonly words: ReadonlyArray<Word> | undefined
    readonly body: Script
  }
  | {
    readonly _tag: "Case"
    readonly word: Word
    readonly items: ReadonlyArray<{ readonly patterns: ReadonlyArray<Word>; readonly body: Script }>
  }
  | { readonly _tag: "Function"; readonly name: string; readonly body: Command }
  | { readonly _tag: "Pipeline"; readonly commands: ReadonlyArray<Command>; readonly negated: boolean }
  | { readonly _tag: "And" | "Or"; readonly left: Command; readonly right: Command }

/** @internal */
export type Script = ReadonlyArray<Command>

/** @internal */
export const isName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text)

/** @internal */
export const reserved: ReadonlySet<string> = new Set(
  ["!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while", "{", "}"]
)
