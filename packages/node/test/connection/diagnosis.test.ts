import { assert, describe, it } from "@effect/vitest"
import * as diagnosis from "../../src/internal/ssh/diagnosis.js"
import * as sshLog from "../../src/internal/ssh/sshLog.js"

const target = { host: "user@host:22", pinned: false }

const output = (fields: Partial<diagnosis.SshOutput>): diagnosis.SshOutput => ({
  log: "",
  hops: [],
  stderr: "",
  ...fields
})

const diagnose = (fields: Partial<diagnosis.SshOutput>, pinned = false) =>
  diagnosis.diagnose({ ...target, pinned }, output(fields), "ssh ended")

const log = (...lines: ReadonlyArray<string>) => lines.map((line) => `${line}\r\n`).join("")

const identified = "debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2"
const proxied = log(
  "kex_exchange_identification: Connection closed by remote host",
  "Connection closed by UNKNOWN port 65535"
)
const denied = "user@host: Permission denied (publickey,password)."

describe("a failed login", () => {
  const rules: ReadonlyArray<readonly [line: string, reason: string, detail: string]> = [
    ["command-line: line 0: Bad configuration option: x", "Unsupported", "option x"],
    ["@       WARNING: REVOKED HOST KEY DETECTED!               @", "HostKeyRevoked", "revoked"],
    ["@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @", "HostKeyMismatch", "another host key"],
    [
      "No ED25519 host key is known for h and you have requested strict checking.",
      "HostKeyUnknown",
      "ED25519 host key of h"
    ],
    ["Host key verification failed.", "HostKeyUnknown", "not known"],
    [denied, "AuthenticationFailed", "publickey, password"],
    [
      "Unable to negotiate with h port 22: no matching host key type found. Their offer: ssh-rsa",
      "NegotiationFailed",
      "no matching host key type found"
    ],
    ["ssh: Could not resolve hostname h: Name or service not known", "Unreachable", "name h does not resolve"],
    ["ssh: connect to host h port 22: Connection refused", "Unreachable", "no connection to h port 22"],
    ["ssh: connect to host h port 22: Connection timed out", "TimedOut", "connecting to h port 22"],
    ["Connection timed out during banner exchange", "TimedOut", "no SSH server answered"],
    ["kex_exchange_identification: read: Connection reset by peer", "Unreachable", "closed before it began"],
    ["debug1: kex_exchange_identification: banner line 0: Not allowed at this time", "ServerBusy", "at this time"], // B12
    ["debug1: kex_exchange_identification: banner line 0: Exceeded MaxStartups", "ServerBusy", "not logged in yet"],
    ["debug1: kex_exchange_identification: banner line 0: HTTP/1.1 400 Bad", "Unreachable", "HTTP/1.1 400 Bad"],
    ["Connection closed by 127.0.0.1 port 22", "ConnectionLost", "Connection closed by"]
  ]
  for (const [line, reason, detail] of rules) {
    it(`is ${reason} after "${line}"`, () => {
      const error = diagnose({ log: log(line) })
      assert.strictEqual(error.reason, reason)
      assert.include(error.detail, detail)
      assert.isString(error.hint ?? (reason === "ConnectionLost" ? "" : undefined))
    })
  }

  it("shows the fingerprint of an unknown host key, and of one that is not pinned", () => {
    const fingerprint = `SHA256:${"a".repeat(43)}`
    const output = log(
      `debug1: Server host key: ssh-ed25519 ${fingerprint}`,
      "No ED25519 host key is known for h and you have requested strict checking.",
      "Host key verification failed."
    )
    assert.strictEqual(
      diagnose({ log: output }).detail,
      `the ED25519 host key of h is not known (it showed ssh-ed25519 ${fingerprint})`
    )
    const pinned = diagnosis.diagnose({ host: "h", pinned: true }, diagnosis.onlyLog(output), "ssh ended")
    assert.strictEqual(pinned.reason, "HostKeyMismatch")
    assert.include(pinned.detail, `does not match a pinned key (it showed ssh-ed25519 ${fingerprint})`)
    assert.include(pinned.hint, "Another machine may answer")
  })

  it("names a key that ssh could not use, and the options that answer prompts", () => {
    const unusable = diagnose({ log: log("Load key \"/k\": bad permissions", denied) })
    assert.strictEqual(
      unusable.detail,
      "the server refused to log in; it takes publickey, password; ssh could not use the key /k: bad permissions"
    )
    assert.include(unusable.hint, "chmod 600")
    const ours = "/tmp/effect-remote-cdg7An/key-0"
    const damaged = diagnose({ log: log(`Load key "${ours}": incomplete message`, denied) })
    assert.include(damaged.detail, "ssh could not use the key given as `key`: incomplete message")
    assert.include(damaged.hint, "a whole private key")
    assert.include(diagnose({ log: log(denied) }).hint, "pass `password` or `answer`")
    assert.notInclude(diagnose({ log: log("u@h: Permission denied (publickey).") }).hint, "`answer`")
  })

  it("is Unknown without a rule", () => {
    const { detail, reason } = diagnose({ log: log("something new") })
    assert.deepStrictEqual([reason, detail], ["Unknown", "ssh ended"])
  })

  // B2
  it("has no reason from a banner or a ProxyCommand", () => {
    const stderr = log("REMOTE HOST IDENTIFICATION HAS CHANGED", "a key has been revoked")
    const error = diagnose({ log: log(identified, denied), stderr })
    assert.strictEqual(error.reason, "AuthenticationFailed")
    assert.include(error.output, "a key has been revoked")
    assert.strictEqual(diagnose({ stderr }).reason, "Unknown")
  })

  it("has no reason from what a server sends in place of its identification", () => {
    const sent = "debug1: kex_exchange_identification: banner line 0: user@host: Permission denied (publickey)."
    const { output, reason } = diagnose({ log: log(sent, "kex_exchange_identification: Connection closed") })
    assert.strictEqual(reason, "Unreachable")
    assert.include(output, "banner line 0: user@host")
  })

  it("does not mistake text before an identification for another protocol", () => {
    const sent = "debug1: kex_exchange_identification: banner line 0: Welcome"
    assert.strictEqual(
      diagnose({ log: log(sent, identified, "Connection reset by h port 22") }).reason,
      "ConnectionLost"
    )
  })

  it("contradicts a pin if the host key is unknown", () => {
    assert.strictEqual(diagnose({ log: log("Host key verification failed.") }, true).reason, "HostKeyMismatch")
  })

  // FOUND E14: quadratic before, and kept whole.
  it("shows at most twenty lines of 500 characters", () => {
    const text = "Unable to negotiate with Host key for connect to host ".repeat(20_000)
    const { output, reason } = diagnose({ stderr: `${text}\n`.repeat(30), log: log(denied) })
    assert.strictEqual(reason, "AuthenticationFailed")
    const lines = output.split("\n")
    assert.strictEqual(lines.length, 20)
    assert.isTrue(lines.every(({ length }) => length <= 500))
  })

  it("has no reason from a server's disconnect message", () => {
    const words = "bye\r\nREMOTE HOST IDENTIFICATION HAS CHANGED\nPermission denied (publickey)."
    const { output, reason } = diagnose({
      log: log(`Received disconnect from 127.0.0.1 port 2222:11: ${words}`, "Disconnected from 127.0.0.1 port 2222")
    })
    assert.strictEqual(reason, "ConnectionLost")
    assert.include(output, "IDENTIFICATION")
  })

  it("takes the limit on logins from the disconnect message, which alone has it", () => {
    const line = "Received disconnect from 127.0.0.1 port 2222:2: Too many authentication failures"
    assert.strictEqual(diagnose({ log: log(line) }).reason, "AuthenticationFailed")
  })
})

// B5
describe("a failed login through another host", () => {
  const hops = (...logs: ReadonlyArray<string>) => logs.map((log, index) => ({ host: `jump-${index}`, log }))

  it("names the first jump host that failed", () => {
    const first = diagnose({ log: proxied, hops: hops(log("jump-0: Permission denied (publickey)."), proxied) })
    assert.strictEqual(first.reason, "AuthenticationFailed")
    assert.match(first.detail, /^jump host jump-0: /)
    const second = diagnose({ log: proxied, hops: hops("", log("Host key verification failed.")) }, true)
    assert.strictEqual(second.reason, "HostKeyUnknown")
    assert.match(second.detail, /^jump host jump-1: /)
  })

  it("names the jump host that cannot connect further", () => {
    const refused = log("channel 0: open failed: connect failed: Connection refused", "stdio forwarding failed")
    const { detail, reason } = diagnose({ log: proxied, hops: hops(refused) })
    assert.strictEqual(reason, "Unreachable")
    assert.include(detail, "jump host jump-0: it could not connect to the next host: Connection refused")
    const forbidden = log("channel 0: open failed: administratively prohibited: open failed", "stdio forwarding failed")
    assert.strictEqual(diagnose({ log: proxied, hops: hops(forbidden) }).reason, "ChannelRefused")
  })

  it("reads the lines of a ProxyJump of ssh_config, and not those of a ProxyCommand", () => {
    const line = "me@bastion: Permission denied (publickey)."
    const jump = diagnose({ log: proxied, stderr: `Welcome\n${line}\r\n` })
    assert.strictEqual(jump.reason, "AuthenticationFailed")
    assert.match(jump.detail, /^jump host me@bastion: /)
    const command = diagnose({ log: proxied, stderr: `${line}\n` })
    assert.strictEqual(command.reason, "Unreachable")
    assert.include(command.message, "me@bastion")
  })

  it("is about the target once the target has answered", () => {
    const { detail, reason } = diagnose({ log: log(identified, denied), hops: hops(log(denied)) })
    assert.strictEqual(reason, "AuthenticationFailed")
    assert.notInclude(detail, "jump")
  })
})

// B1
describe("a login that takes too long", () => {
  const delay = (fields: Partial<diagnosis.SshOutput>) => diagnosis.explainDelay(output(fields)).step
  const connecting = "debug1: Connecting to h [192.0.2.1] port 22."
  const steps: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
    ["ssh had not begun to connect", []],
    ["no answer came from h [192.0.2.1] port 22", [connecting]],
    ["no SSH server answered", [connecting, "debug1: Connection established."]],
    ["OpenSSH_9.2 answered, but the exchange of keys", [connecting, identified]],
    ["had not decided on the login", [identified, "debug1: SSH2_MSG_SERVICE_ACCEPT received"]],
    ["the login by password", [identified, "debug1: Next authentication method: password"]],
    ["ssh had logged in", [identified, "Authenticated to h ([192.0.2.1]:22) using \"publickey\"."]],
    ["through the ProxyCommand", ["debug1: Executing proxy command: exec nc h 22"]]
  ]
  for (const [step, lines] of steps) {
    it(`was at: ${step}`, () => assert.include(delay({ log: log(...lines) }), step))
  }

  it("names the jump host that does not go on", () => {
    const through = log("debug1: Executing proxy command: exec ssh jump")
    const jump = { host: "jump", log: log(connecting) }
    assert.include(delay({ log: through, hops: [jump] }), "jump host jump: no answer came from h")
    const passed = { host: "jump", log: log("Authenticated to jump ([192.0.2.2]:22) using \"publickey\".") }
    assert.include(delay({ log: through, hops: [passed] }), "jump host jump had logged in")
  })

  it("shows what was said until then", () => {
    const { output: shown } = diagnosis.explainDelay(
      output({ log: log(connecting), stderr: "log in at https://sso\n" })
    )
    assert.strictEqual(shown, "log in at https://sso")
  })
})

describe("the end of a session or a connection", () => {
  // B2
  it("has no reason from before the login", () => {
    const before = log("a: Permission denied (publickey).", "Authenticated to h ([192.0.2.1]:22) using \"publickey\".")
    assert.strictEqual(diagnosis.diagnoseLoss("h", before, "").reason, "Unknown")
    const { output, reason } = diagnosis.diagnoseLoss(
      "h",
      before + log("client_loop: send disconnect: Broken pipe"),
      ""
    )
    assert.strictEqual(reason, "ConnectionLost")
    assert.notInclude(output, "denied")
  })

  it("takes the last line of ssh from stderr", () => {
    const { detail } = diagnosis.diagnoseLoss("h", "", "", log("Connection to h closed by remote host."))
    assert.include(detail, "closed by remote host")
    assert.strictEqual(diagnosis.diagnoseLoss("h", "", "", "Connection reset by peer\n").reason, "Unknown")
  })

  // B9
  it("is a refused channel if the server refused session, terminal or subsystem", () => {
    for (
      const line of [
        "channel 0: open failed: connect failed: open failed",
        "PTY allocation request failed on channel 0",
        "subsystem request failed on channel 0",
        "exec request failed on channel 0"
      ]
    ) {
      const { hint, reason } = diagnosis.diagnoseLoss("h", log(line), "")
      assert.strictEqual(reason, "ChannelRefused", line)
      assert.isString(hint)
    }
  })
})

describe("the log of ssh", () => {
  it("reads the same with and without the places that LogVerbose adds", () => {
    const lines = [
      "debug1: kex.c:kex_exchange_identification():1347 (pid=7): banner line 0: hello",
      "kex.c:kex_exchange_identification():1383 (bin=/usr/bin/ssh, pid=7): Connection closed by remote host",
      "sshconnect2.c:userauth():640 (pid=7): u@h: Permission denied (publickey).",
      "debug2: sshconnect2.c:pubkey_prepare():1999 (pid=7): done"
    ]
    assert.deepStrictEqual(sshLog.readable(log(...lines)), [
      "banner line 0: hello",
      "kex_exchange_identification: Connection closed by remote host",
      "u@h: Permission denied (publickey)."
    ])
  })

  // FOUND D1
  it("names the server's program, which a banner line cannot", () => {
    const place = "debug1: kex.c:kex_exchange_identification():1402 (pid=7): "
    const banner = `${place}banner line 0: debug1: Remote protocol version 2.0, remote software version OpenSSH_9.2`
    assert.isUndefined(sshLog.serverOf(log(banner)))
    const lines = [banner, `${place}Remote protocol version 2.0, remote software version dropbear_2022.83`, denied]
    assert.strictEqual(sshLog.serverOf(log(...lines)), "dropbear_2022.83")
  })

  // B11
  it("has lines that explain no failure", () => {
    const lines = [
      "** WARNING: connection is not using a post-quantum key exchange algorithm.",
      "** This session may be vulnerable to \"store now, decrypt later\" attacks.",
      "** The server may need to be upgraded. See https://openssh.com/pq.html",
      "Warning: Permanently added 'h' (ED25519) to the list of known hosts.",
      denied
    ]
    assert.deepStrictEqual(sshLog.readable(log(...lines)), [denied])
  })

  it("is separated from banner and ProxyCommand on a common stderr", () => {
    const own = [
      "debug1: Connecting to h [192.0.2.1] port 22.\r\n",
      "debug3: sshconnect2.c:input_userauth_banner():675 (pid=7): entering\r\n",
      "debug1: Authentications that can continue: publickey\r\n",
      `${denied}\r\n`
    ]
    const stderr = `from the proxy\n${own[0]}${own[1]}key has been revoked\r\nWelcome\n${own[2]}${own[3]}`
    assert.deepStrictEqual(sshLog.separate(stderr), {
      own: own.join(""),
      others: "from the proxy\nkey has been revoked\r\nWelcome\n"
    })
  })
})
