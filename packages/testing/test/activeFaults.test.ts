import { assert, it } from "@effect/vitest"
import * as Fault from "../src/Fault.js"
import * as activeFaults from "../src/internal/host/activeFaults.js"

const inject = (...faults: ReadonlyArray<Fault.Fault>) =>
  faults.reduce(activeFaults.add, [] as activeFaults.ActiveFaults)

const shown = ({ active, fired }: activeFaults.Step<Fault.Fault>) => ({
  active: active.map(({ count, fault }) => [fault._tag, count]),
  fired: fired.map(({ _tag }) => _tag)
})

it("counts requests of each fault, and fires it once at its nth", () => {
  const nth = (nth: number) => Fault.failOperation("Open", { nth })
  const first = activeFaults.onOperation(inject(nth(1), nth(2)), "Open")
  assert.deepStrictEqual(shown(first), { active: [["FailOperation", 1]], fired: ["FailOperation"] })
  assert.deepStrictEqual(shown(activeFaults.onOperation(first.active, "Read")), { ...shown(first), fired: [] })
  assert.deepStrictEqual(shown(activeFaults.onOperation(first.active, "Open")), {
    active: [],
    fired: ["FailOperation"]
  })
})

it("fires several faults at the same request, in the order of their injection", () => {
  const active = inject(Fault.breakReply("any"), Fault.delay("1 second"), Fault.dropAt("Open"))
  assert.deepStrictEqual(shown(activeFaults.onOperation(active, "Open")), {
    active: [["Delay", 0]],
    fired: ["BreakReply", "DropAtOperation"]
  })
})

it("ends a program by one fault, and does not count the start for later faults", () => {
  const active = inject(Fault.killCommand("a"), Fault.killCommand("a", { nth: 2 }))
  assert.deepStrictEqual(shown(activeFaults.onStart(active, "b")).fired, [])
  const first = activeFaults.onStart(active, "a")
  assert.deepStrictEqual(shown(first), { active: [["KillCommand", 0]], fired: ["KillCommand"] })
})

it("fails as many connections as the first fault names, then those of the next fault", () => {
  const active = inject(Fault.refuseConnection({ times: 2 }), Fault.failAuthentication())
  const first = activeFaults.onConnect(active)
  assert.deepStrictEqual(shown(first), {
    active: [["RefuseConnection", 1], ["FailAuthentication", 0]],
    fired: ["RefuseConnection"]
  })
  const second = activeFaults.onConnect(first.active)
  assert.deepStrictEqual(shown(second), { active: [["FailAuthentication", 0]], fired: ["RefuseConnection"] })
  const third = activeFaults.onConnect(second.active)
  assert.deepStrictEqual(shown(third), { active: [], fired: ["FailAuthentication"] })
  assert.deepStrictEqual(shown(activeFaults.onConnect(third.active)), { active: [], fired: [] })
})

it("fires one fault when the link has no bytes left", () => {
  const active = inject(Fault.dropAfterBytes(1), Fault.dropAfterBytes(2))
  assert.deepStrictEqual(shown(activeFaults.onSpentLink(active)), {
    active: [["DropAfterBytes", 0]],
    fired: ["DropAfterBytes"]
  })
})

it("adds delays, takes the slowest link, and denies what is below a path", () => {
  const active = inject(
    Fault.delay("1 second"),
    Fault.delay("2 seconds", "Open"),
    Fault.slowLink(10),
    Fault.slowLink(5),
    Fault.denyPath("/a")
  )
  assert.strictEqual(activeFaults.delayOf(active, "Open"), 3000)
  assert.strictEqual(activeFaults.delayOf(active, "any"), 1000)
  assert.strictEqual(activeFaults.bytesPerSecond(active), 5)
  assert.deepStrictEqual(["/a", "/a/b", "/ab"].map((path) => activeFaults.denies(active, path)), [true, true, false])
})
