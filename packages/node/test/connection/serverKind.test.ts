import { assert, describe, it } from "@effect/vitest"
import * as serverKind from "../../src/internal/multiplexed/serverKind.js"

// FOUND D1, D7
describe("the kind of a server", () => {
  it.each([
    ["OpenSSH_9.2p1 Debian-2+deb12u3", { isOpenSsh: true, servesOneSession: false }],
    ["OpenSSH_for_Windows_8.6", { isOpenSsh: true, servesOneSession: false }],
    ["dropbear_2022.83", { isOpenSsh: false, servesOneSession: false }],
    ["tinyssh_noversion", { isOpenSsh: false, servesOneSession: true }],
    ["Not OpenSSH", { isOpenSsh: false, servesOneSession: false }],
    [undefined, { isOpenSsh: false, servesOneSession: false }]
  ])("follows from its identification %s", (server, kind) => {
    assert.deepStrictEqual(serverKind.of(server), kind)
  })
})
