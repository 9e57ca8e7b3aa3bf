import { assert, describe, it } from "@effect/vitest"
import * as serverKind from "../../src/internal/multiplexed/serverKind.js"

// FOUND D1, D6, D7
describe("the kind of a server", () => {
  it.each([
    ["OpenSSH_9.2p1 Debian-2+deb12u3", { isOpenSsh: true, servesOneSession: false, connects: true }],
    ["OpenSSH_for_Windows_8.6", { isOpenSsh: true, servesOneSession: false, connects: true }],
    ["dropbear_2022.83", { isOpenSsh: false, servesOneSession: false, connects: true }],
    ["tinyssh_noversion", { isOpenSsh: false, servesOneSession: true, connects: true }],
    ["mod_sftp", { isOpenSsh: false, servesOneSession: false, connects: false }],
    ["Not OpenSSH", { isOpenSsh: false, servesOneSession: false, connects: true }],
    [undefined, { isOpenSsh: false, servesOneSession: false, connects: true }]
  ])("follows from its identification %s", (server, kind) => {
    assert.deepStrictEqual(serverKind.of(server), kind)
  })
})
