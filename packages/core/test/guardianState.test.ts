import { RemoteError } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import * as states from "../src/internal/guardian/state.js"

type State = states.State<string, number>
type Event = states.Event<string, number>

const failure: states.Failure = {
  at: 7,
  error: new RemoteError.RemoteConnectionError({ reason: "Unknown", host: "luigi@worker-01", detail: "no FIFO" })
}

const none = states.none()
const failed = states.none(Option.some(failure))
const attached = (guardian = "a", isReachable = true): State & states.Current<string> => ({
  _tag: "Attached",
  guardian,
  isReachable
})
const detached = (guardian = "a", isReachable = true): State & states.Current<string> => ({
  _tag: "Detached",
  guardian,
  isReachable
})
const starting = (current?: states.Current<string>, start = 1): State => ({
  _tag: "Starting",
  start,
  current: Option.fromNullable(current)
})

const begun = (start = 1): Event => ({ _tag: "Begun", start })
const ready = (guardian: string): Event => ({ _tag: "Ready", guardian })
const failing = (
  options: { readonly start?: number; readonly guardian?: string; readonly failure?: states.Failure } = {}
): Event => ({
  _tag: "Failed",
  start: options.start ?? 1,
  guardian: options.guardian,
  failure: Option.fromNullable(options.failure)
})
const left = (last: "detached" | "none", guardian = "a"): Event => ({ _tag: "Left", guardian, last })
const missed = (guardian = "a"): Event => ({ _tag: "Missed", guardian })
const lost: Event = { _tag: "ConnectionLost" }

describe("step of a guardian's state", () => {
  it.each<[string, State, Event, State]>([
    ["None, begun", none, begun(), starting()],
    ["None with a failure, begun", failed, begun(), starting()],
    ["None, left", none, left("none"), none],
    ["None, missed", none, missed(), none],
    ["None with a failure, connection lost", failed, lost, failed],
    ["None, an older start failed", none, failing({ failure }), none],
    ["Starting, ready", starting(), ready("b"), attached("b")],
    ["Starting beside an unreachable guardian, ready", starting(attached("a", false)), ready("b"), attached("b")],
    ["Starting beside a detached guardian, ready", starting(detached()), ready("b"), attached("b")],
    ["Starting, failed", starting(), failing({ failure }), failed],
    ["Starting, failed for the moment", starting(), failing(), none],
    ["Starting beside a detached guardian, failed", starting(detached()), failing({ failure }), detached()],
    ["Starting, an older start failed", starting(), failing({ start: 0, failure }), starting()],
    ["Starting beside an attached guardian, it left", starting(attached()), left("none"), starting()],
    ["Starting beside an attached guardian, it detached", starting(attached()), left("detached"), starting(detached())],
    ["Starting beside an attached guardian, missed", starting(attached()), missed(), starting(attached("a", false))],
    ["Starting beside an attached guardian, connection lost", starting(attached()), lost, starting(attached())],
    ["Starting beside a detached guardian, connection lost", starting(detached()), lost, starting()],
    ["Attached, begun", attached("a", false), begun(), starting(attached("a", false))],
    ["Attached, its start failed after all", attached(), failing({ guardian: "a", failure }), failed],
    ["Attached, another start failed", attached(), failing({ failure }), attached()],
    ["Attached, left", attached(), left("none"), none],
    ["Attached, detached", attached(), left("detached"), detached()],
    ["Attached and unreachable, detached", attached("a", false), left("detached"), detached("a", false)],
    ["Attached, its predecessor left", attached("b"), left("none"), attached("b")],
    ["Attached, its predecessor detached", attached("b"), left("detached"), attached("b")],
    ["Attached, missed", attached(), missed(), attached("a", false)],
    ["Attached, its predecessor was missed", attached("b"), missed(), attached("b")],
    ["Attached, connection lost", attached(), lost, attached()],
    ["Detached, begun", detached(), begun(), starting(detached())],
    ["Detached, missed", detached(), missed(), detached("a", false)],
    ["Detached, connection lost", detached(), lost, none]
  ])("%s", (_, state, event, expected) => {
    assert.deepStrictEqual(states.step(state, event), expected)
  })
})

it("currentOf and attachedOf give the guardian of a state", () => {
  const of = (state: State) => [Option.getOrUndefined(states.currentOf(state)), states.attachedOf(state)]
  assert.deepStrictEqual(of(none), [undefined, undefined])
  assert.deepStrictEqual(of(starting()), [undefined, undefined])
  assert.deepStrictEqual(of(starting(attached())), [attached(), "a"])
  assert.deepStrictEqual(of(starting(detached())), [detached(), undefined])
  assert.deepStrictEqual(of(attached()), [attached(), "a"])
  assert.deepStrictEqual(of(detached()), [detached(), undefined])
})
