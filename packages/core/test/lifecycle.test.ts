import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import * as lifecycle from "../src/internal/process/lifecycle.js"

const { Abandoned, Exited, Launching, Lost, Running } = lifecycle.Lifecycle
const { ConnectionLost, Ended, GivenUp, Reported } = lifecycle.Event

const launching = Launching({ hasExited: false })
const launchingExited = Launching({ hasExited: true })
const abandoned = Abandoned({ hasExited: false })
const abandonedExited = Abandoned({ hasExited: true })
const running = Running({ pid: 5 })
const exited = Exited({ pid: 5 })
const lost = Lost({ pid: Option.some(5) })
const lostEarly = Lost({ pid: Option.none() })

describe("step of a lifecycle", () => {
  it.each<[string, lifecycle.Lifecycle, lifecycle.Event, lifecycle.Lifecycle]>([
    ["Launching, reported", launching, Reported({ pid: 5 }), running],
    ["Launching, given up", launching, GivenUp(), abandoned],
    ["Launching, ended", launching, Ended(), launchingExited],
    ["Launching, connection lost", launching, ConnectionLost(), lostEarly],
    ["Launching after the exit status, reported", launchingExited, Reported({ pid: 5 }), exited],
    ["Launching after the exit status, given up", launchingExited, GivenUp(), abandonedExited],
    ["Launching after the exit status, ended", launchingExited, Ended(), launchingExited],
    ["Launching after the exit status, connection lost", launchingExited, ConnectionLost(), lostEarly],
    ["Abandoned, reported", abandoned, Reported({ pid: 5 }), running],
    ["Abandoned, given up", abandoned, GivenUp(), abandoned],
    ["Abandoned, ended", abandoned, Ended(), abandonedExited],
    ["Abandoned, connection lost", abandoned, ConnectionLost(), lostEarly],
    ["Abandoned after the exit status, reported", abandonedExited, Reported({ pid: 5 }), exited],
    ["Abandoned after the exit status, given up", abandonedExited, GivenUp(), abandonedExited],
    ["Abandoned after the exit status, ended", abandonedExited, Ended(), abandonedExited],
    ["Abandoned after the exit status, connection lost", abandonedExited, ConnectionLost(), lostEarly],
    ["Running, reported again", running, Reported({ pid: 6 }), running],
    ["Running, given up", running, GivenUp(), running],
    ["Running, ended", running, Ended(), exited],
    ["Running, connection lost", running, ConnectionLost(), lost],
    ["Exited, reported again", exited, Reported({ pid: 6 }), exited],
    ["Exited, given up", exited, GivenUp(), exited],
    ["Exited, ended", exited, Ended(), exited],
    ["Exited, connection lost", exited, ConnectionLost(), lost],
    ["Lost, reported", lostEarly, Reported({ pid: 5 }), lost],
    ["Lost, reported again", lost, Reported({ pid: 6 }), lost],
    ["Lost, given up", lostEarly, GivenUp(), lostEarly],
    ["Lost, ended", lost, Ended(), lost],
    ["Lost, connection lost again", lost, ConnectionLost(), lost]
  ])("%s", (_, state, event, expected) => {
    assert.deepStrictEqual(lifecycle.step(state, event), expected)
  })
})

it("pidOf gives the process id that was reported", () => {
  for (const state of [running, exited, lost]) assert.deepStrictEqual(lifecycle.pidOf(state), Option.some(5))
  for (const state of [launching, abandoned, lostEarly]) assert.isTrue(Option.isNone(lifecycle.pidOf(state)))
})
