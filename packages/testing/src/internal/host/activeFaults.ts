/**
 * The injected faults that can still take effect: a value with pure steps.
 */
import * as Duration from "effect/Duration"
import type * as Fault from "../../Fault.js"

/** @internal */
export interface Active<A extends Fault.Fault = Fault.Fault> {
  readonly fault: A
  /** The number of matching events so far. */
  readonly count: number
}

/** @internal */
export type ActiveFaults = ReadonlyArray<Active>

/**
 * The result of an event: the faults that stay active, and those that take effect now, in order.
 *
 * @internal
 */
export interface Step<A extends Fault.Fault> {
  readonly active: ActiveFaults
  readonly fired: ReadonlyArray<A>
}

type Tagged<Tag extends Fault.Fault["_tag"]> = Extract<Fault.Fault, { readonly _tag: Tag }>

/** @internal */
export type OfConnection = Tagged<"RefuseConnection" | "FailAuthentication">

/** @internal */
export type OfOperation = Tagged<"DropAtOperation" | "FailOperation" | "BreakReply">

const isOfConnection = (fault: Fault.Fault): fault is OfConnection =>
  fault._tag === "RefuseConnection" || fault._tag === "FailAuthentication"

const isOfOperation = (fault: Fault.Fault): fault is OfOperation =>
  fault._tag === "DropAtOperation" || fault._tag === "FailOperation" || fault._tag === "BreakReply"

const concerns = (expected: Fault.Operation, operation: Fault.Operation): boolean =>
  expected === "any" || expected === operation

// Counts an event. A fault takes effect at its nth event, and only once. After `most` faults the rest do not count the event.
const count = <A extends Fault.Fault & { readonly nth: number }>(
  active: ActiveFaults,
  matches: (fault: Fault.Fault) => fault is A,
  most = Infinity
): Step<A> => {
  const fired: Array<A> = []
  const rest: Array<Active> = []
  for (const one of active) {
    const { fault } = one
    if (fired.length === most || !matches(fault)) rest.push(one)
    else if (one.count + 1 === fault.nth) fired.push(fault)
    else rest.push({ fault, count: one.count + 1 })
  }
  return { active: rest, fired }
}

const put = (active: ActiveFaults, one: Active, next: Active): ActiveFaults =>
  active.map((other) => other === one ? next : other)

const without = (active: ActiveFaults, one: Active): ActiveFaults => active.filter((other) => other !== one)

/** @internal */
export const add = (active: ActiveFaults, fault: Fault.Fault): ActiveFaults => [...active, { fault, count: 0 }]

/**
 * A connection is attempted. The first fault of a connection takes effect, for as many attempts as it names.
 *
 * @internal
 */
export const onConnect = (active: ActiveFaults): Step<OfConnection> => {
  const one = active.find(({ fault }) => isOfConnection(fault))
  if (one === undefined || !isOfConnection(one.fault)) return { active, fired: [] }
  const next = { fault: one.fault, count: one.count + 1 }
  return { active: next.count < next.fault.times ? put(active, one, next) : without(active, one), fired: [next.fault] }
}

/**
 * An SFTP request arrives.
 *
 * @internal
 */
export const onOperation = (active: ActiveFaults, operation: Fault.Operation): Step<OfOperation> =>
  count(active, (fault): fault is OfOperation => isOfOperation(fault) && concerns(fault.operation, operation))

/**
 * A program starts.
 *
 * @internal
 */
export const onStart = (active: ActiveFaults, program: string): Step<Tagged<"KillCommand">> =>
  count(active, (fault): fault is Tagged<"KillCommand"> => fault._tag === "KillCommand" && fault.name === program, 1)

/**
 * The link has let through all bytes of its budget.
 *
 * @internal
 */
export const onSpentLink = (active: ActiveFaults): Step<Tagged<"DropAfterBytes">> => {
  const one = active.find(({ fault }) => fault._tag === "DropAfterBytes")
  return one?.fault._tag === "DropAfterBytes"
    ? { active: without(active, one), fired: [one.fault] }
    : { active, fired: [] }
}

/** @internal */
export const hasOfConnection = (active: ActiveFaults): boolean => active.some(({ fault }) => isOfConnection(fault))

/**
 * How long an operation is delayed, in milliseconds.
 *
 * @internal
 */
export const delayOf = (active: ActiveFaults, operation: Fault.Operation): number =>
  active.reduce(
    (sum, { fault }) =>
      fault._tag === "Delay" && concerns(fault.operation, operation) ? sum + Duration.toMillis(fault.duration) : sum,
    0
  )

/** @internal */
export const bytesPerSecond = (active: ActiveFaults): number =>
  active.reduce(
    (least, { fault }) => fault._tag === "SlowLink" ? Math.min(least, fault.bytesPerSecond) : least,
    Infinity
  )

const isBelow = (path: string, top: string): boolean =>
  path === top || path.startsWith(top.endsWith("/") ? top : `${top}/`)

/** @internal */
export const denies = (active: ActiveFaults, path: string): boolean =>
  active.some(({ fault }) => fault._tag === "DenyPath" && isBelow(path, fault.path))
