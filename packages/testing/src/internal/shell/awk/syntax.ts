/**
 * The parts of an awk program.
 */

/** @internal */
export type Place =
  | { readonly _tag: "Variable"; readonly name: string }
  | { readonly _tag: "Field"; readonly index: Expression }
  | { readonly _tag: "Element"; readonly array: string; readonly index: Expression }

/** @internal */
export type Expression =
  | Place
  | { readonly _tag: "Constant"; readonly value: number | string }
  | { readonly _tag: "Pattern"; readonly source: string }
  | { readonly _tag: "Group"; readonly inner: Expression }
  | { readonly _tag: "Assign"; readonly place: Place; readonly operator: string; readonly value: Expression }
  | { readonly _tag: "Step"; readonly place: Place; readonly by: number; readonly isPrefix: boolean }
  | {
    readonly _tag: "Conditional"
    readonly test: Expression
    readonly then: Expression
    readonly otherwise: Expression
  }
  | { readonly _tag: "Or" | "And" | "Concat"; readonly left: Expression; readonly right: Expression }
  | { readonly _tag: "In"; readonly index: Expression; readonly array: string }
  | { readonly _tag: "Match"; readonly isNegated: boolean; readonly text: Expression; readonly pattern: Expression }
  | {
    readonly _tag: "Compare" | "Arithmetic"
    readonly operator: string
    readonly left: Expression
    readonly right: Expression
  }
  | { readonly _tag: "Unary"; readonly operator: string; readonly inner: Expression }
  /** Several subscripts, joined by SUBSEP. */
  | { readonly _tag: "Subscripts"; readonly all: ReadonlyArray<Expression> }
  | { readonly _tag: "Builtin" | "Call"; readonly name: string; readonly values: ReadonlyArray<Expression> }
  | {
    readonly _tag: "Getline"
    readonly kind: "command" | "file" | "input"
    readonly from: Expression | undefined
    readonly place: Place | undefined
  }

/** @internal */
export interface Output {
  readonly operator: ">" | ">>" | "|"
  readonly to: Expression
}

/** @internal */
export type Statement =
  | { readonly _tag: "Block"; readonly body: ReadonlyArray<Statement> }
  | { readonly _tag: "Expression"; readonly expression: Expression }
  | {
    readonly _tag: "Print" | "Printf"
    readonly values: ReadonlyArray<Expression>
    readonly output: Output | undefined
  }
  | {
    readonly _tag: "If"
    readonly test: Expression
    readonly then: Statement
    readonly otherwise: Statement | undefined
  }
  | { readonly _tag: "While" | "Do"; readonly test: Expression; readonly body: Statement }
  | {
    readonly _tag: "For"
    readonly first: Statement | undefined
    readonly test: Expression | undefined
    readonly step: Statement | undefined
    readonly body: Statement
  }
  | { readonly _tag: "ForIn"; readonly variable: string; readonly array: string; readonly body: Statement }
  | { readonly _tag: "Break" | "Continue" | "Next" }
  | { readonly _tag: "Exit" | "Return"; readonly value: Expression | undefined }
  | { readonly _tag: "Delete"; readonly array: string; readonly index: Expression | undefined }

/** @internal */
export interface Rule {
  readonly first: Expression | undefined
  /** The end of a range. */
  readonly last: Expression | undefined
  /** `undefined`: the record is printed. */
  readonly action: Statement | undefined
}

/** @internal */
export interface Definition {
  readonly parameters: ReadonlyArray<string>
  readonly body: Statement
}

/** @internal */
export interface Program {
  readonly begin: ReadonlyArray<Statement>
  readonly rules: ReadonlyArray<Rule>
  readonly end: ReadonlyArray<Statement>
  readonly functions: ReadonlyMap<string, Definition>
}
