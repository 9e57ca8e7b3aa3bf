import { describe, it } from "@effect/vitest"
import { compare, sessions } from "./fixtures/sftpDifferential.js"
import { sftpServerLabel, sftpServerProgram } from "./fixtures/sftpPeers.js"

describe.skipIf(sftpServerProgram === undefined)(`the SFTP server and OpenSSH's${sftpServerLabel}`, () => {
  sessions({ seed: 2, count: 60, length: 500 }).forEach((requests, index) => {
    it.live(`answer random requests alike, ${index + 1}`, () => compare(`${sftpServerProgram}`, requests))
  })
})
