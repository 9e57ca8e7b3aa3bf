import { type RemoteError, RemoteHost } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Either, FastCheck, Redacted, Schema } from "effect"
import { inspect } from "node:util"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const valid = (result: Either.Either<RemoteHost.RemoteHost, unknown>) => Either.getOrThrow(result)

const messageOf = (
  result: Either.Either<RemoteHost.RemoteHost, { readonly reason: string; readonly message: string }>
) =>
  Either.match(result, {
    onLeft: ({ message, reason }) => `${reason}: ${message}`,
    onRight: (host) => `${host} is valid`
  })

const fingerprint = `SHA256:${"a".repeat(43)}`
const publicKey = `ssh-ed25519 ${"A".repeat(68)}`

const keyText = (body: string) => `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`

const full: RemoteHost.Options = {
  host: "worker-01",
  username: "luigi",
  port: 2222,
  keyFile: "~/.ssh/id_ed25519",
  passphrase: Redacted.make("s3cr3t phrase"),
  identitiesOnly: false,
  password: Redacted.make("s3cr3t"),
  hostKeys: { pinned: [fingerprint, `${publicKey} a comment`] },
  knownHostsFile: "/tmp/known hosts",
  connectTimeout: "1500 millis",
  keepAlive: { interval: "5 seconds", count: 2 },
  jumpHosts: [
    { host: "bastion", username: "jump", port: 22, password: Redacted.make("s3cr3t too") },
    { host: "::1", key: Redacted.make(keyText("s3cr3t")) }
  ],
  forwardAgent: true,
  compression: false,
  pty: { columns: 120 },
  shell: "none",
  sshConfig: "none"
}

describe("make", () => {
  it("fills in what is left out", () => {
    const host = valid(RemoteHost.make({ host: "worker-01" }))
    assert.instanceOf(host, RemoteHost.RemoteHost)
    assert.strictEqual(host.hostKeys, "strict")
    assert.strictEqual(host.shell, "posix")
    assert.strictEqual(Duration.toSeconds(host.connectTimeout), 30)
    const { host: name, ...rest } = { ...host }
    assert.strictEqual(name, "worker-01")
    assert.deepStrictEqual(Object.keys(rest).sort(), ["connectTimeout", "hostKeys", "shell"])
  })

  it("keeps everything that is given", () => {
    const host = valid(RemoteHost.make(full))
    assert.strictEqual(Duration.toMillis(host.connectTimeout), 1500)
    assert.deepStrictEqual(host.keepAlive, { interval: Duration.seconds(5), count: 2 })
    assert.deepStrictEqual({ ...host.pty }, { term: "xterm-256color", columns: 120, rows: 24 })
    assert.deepStrictEqual(host.jumpHosts?.map(String), ["jump@bastion:22", "::1"])
    assert.instanceOf(host.jumpHosts?.[0], RemoteHost.JumpHost)
    assert.isTrue(host.password !== undefined && Redacted.value(host.password) === "s3cr3t")
  })

  it("takes undefined for left out, and a host for itself", () => {
    const host = valid(
      RemoteHost.make({ host: "a", username: undefined, pty: undefined, port: undefined, keepAlive: "off" })
    )
    assert.strictEqual(host.keepAlive, "off")
    assert.isFalse("username" in host)
    assert.strictEqual(valid(RemoteHost.make(host)), host)
    assert.strictEqual(valid(RemoteHost.make({ ...host, port: 1 })).port, 1)
  })

  it("makes a terminal of the usual size for `pty: true`, and no terminal for `pty: false`", () => {
    assert.deepStrictEqual(valid(RemoteHost.make({ host: "a", pty: true })).pty, new RemoteHost.Pty({}))
    assert.isUndefined(valid(RemoteHost.make({ host: "a", pty: false })).pty)
  })

  it.effect("is an Effect", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* RemoteHost.make({ host: "a" })).host, "a")
      assert.strictEqual((yield* Effect.flip(RemoteHost.make({ host: "" })))._tag, "RemoteConnectionError")
    }))

  it.each([
    "worker-01",
    "a.b.c",
    "a_b",
    "host/gateway",
    "::1",
    "fe80::1%eth0",
    "127.0.0.1",
    "müller.example",
    "1::127.0.0.1"
  ])(
    "takes the host %s",
    (host) => {
      assert.strictEqual(valid(RemoteHost.make({ host })).host, host)
    }
  )

  const bad: ReadonlyArray<readonly [string, RemoteHost.Options, string]> = [
    ["no host", { host: "" }, "(no host): the host is empty"],
    ["a host that is an option", { host: "-oProxyCommand=x" }, "the host \"-oProxyCommand=x\" starts with \"-\""],
    ["a host with a blank", { host: "a b" }, "contains a space or a control character"],
    ["a host with a NUL", { host: "a\0" }, "a\\u0000: the host \"a\\u0000\" contains a space or a control character"],
    ["a host with a line end", { host: "a\nb" }, "a\\nb: the host \"a\\nb\" contains"],
    ["a host with a C1 control", { host: "a\u0085" }, "contains a space or a control character"],
    ["a host with a no-break space", { host: "a\u00a0" }, "contains a space or a control character"],
    ["a host with a command", { host: "$(x)" }, "contains a character that is not allowed"],
    ["a host with a quote", { host: "a'b" }, "contains a character that is not allowed"],
    ["a host with brackets", { host: "[a]" }, "contains a character that is not allowed"],
    ["a host with a username", { host: "root@a" }, "contains an \"@\": pass the user as `username`"],
    ["a host with a port", { host: "a:22" }, "contains a \":\" but is not an IPv6 address: pass a port as `port`"],
    ["a host with a hexadecimal name and a port", { host: "cafe:22" }, "pass a port as `port`"],
    ["a host that is an address", { host: "ssh://a" }, "use RemoteHost.parse"],
    ["no username", { host: "a", username: "" }, "the username is empty"],
    ["a username that is an option", { host: "a", username: "-l" }, "the username \"-l\" starts with \"-\""],
    ["a username with a control", { host: "a", username: "a\u001b" }, "contains a control character"],
    ["a username with a command", { host: "a", username: "a;b" }, "contains characters that ssh refuses"],
    ["a username with an option", { host: "a", username: "a -b" }, "contains characters that ssh refuses"],
    ["a username with a backslash last", { host: "a", username: "a\\" }, "contains characters that ssh refuses"],
    ["port 0", { host: "a", port: 0 }, "a: the port 0 is not within 1..65535"],
    ["port 65536", { host: "a", port: 65536 }, "the port 65536 is not within 1..65535"],
    ["port -1", { host: "a", port: -1 }, "the port -1 is not within"],
    ["port 1.5", { host: "a", port: 1.5 }, "the port 1.5 is not within"],
    ["port NaN", { host: "a", port: NaN }, "the port NaN is not within"],
    ["port Infinity", { host: "a", port: Infinity }, "the port Infinity is not within"],
    ["an empty key file", { host: "a", keyFile: "" }, "the key file is empty"],
    [
      "a key file with a line end",
      { host: "a", keyFile: "a\nProxyCommand x" },
      "the key file must be a path, got a text with a control character"
    ],
    ["an empty known_hosts file", { host: "a", knownHostsFile: "" }, "the known_hosts file is empty"],
    ["an ssh_config with a line end", { host: "a", sshConfig: "a\nb" }, "a text with a control character"],
    ["an empty password", { host: "a", password: Redacted.make("") }, "the password is empty"],
    [
      "a password with a line end",
      { host: "a", password: Redacted.make("s3cr3t\n") },
      "the password contains a line break"
    ],
    [
      "a password with a NUL",
      { host: "a", password: Redacted.make("s3cr3t\0") },
      "the password contains a line break or a NUL"
    ],
    [
      "a password that ssh would cut",
      { host: "a", password: Redacted.make("é".repeat(512)) },
      "the password has 1024 bytes, and ssh takes at most 1023"
    ],
    ["an empty passphrase", { host: "a", keyFile: "k", passphrase: Redacted.make("") }, "the passphrase is empty"],
    [
      "a passphrase with a line end",
      { host: "a", keyFile: "k", passphrase: Redacted.make("s3cr3t\r") },
      "the passphrase contains a line break"
    ],
    [
      "a passphrase without a key",
      { host: "a", passphrase: Redacted.make("s3cr3t") },
      "a `passphrase` is given, but neither `key` nor `keyFile`"
    ],
    [
      "two keys",
      { host: "a", key: Redacted.make(keyText("s3cr3t")), keyFile: "k" },
      "both `key` and `keyFile` are given"
    ],
    ["an empty key", { host: "a", key: Redacted.make(" \n") }, "the key is empty"],
    ["a public key", { host: "a", key: Redacted.make(publicKey) }, "`key` takes the private key"],
    ["a key of PuTTY", { host: "a", key: Redacted.make("PuTTY-User-Key-File-3: s3cr3t") }, "puttygen"],
    [
      "a key in base64",
      { host: "a", key: Redacted.make(Buffer.from(keyText("s3cr3t")).toString("base64")) },
      "decode it first"
    ],
    ["a key that is none", { host: "a", key: Redacted.make("s3cr3t") }, "is not the text of a private key"],
    [
      "a key on one line",
      { host: "a", key: Redacted.make(keyText("s3cr3t").replaceAll("\n", " ")) },
      "the key has lost its line breaks"
    ],
    [
      "a key that was cut",
      { host: "a", key: Redacted.make(keyText("s3cr3t").slice(0, -20)) },
      "the key is not complete"
    ],
    [
      "a jump host's passphrase without a key",
      { host: "a", jumpHosts: [{ host: "b", passphrase: Redacted.make("s3cr3t") }] },
      "jump host: a `passphrase` is given"
    ],
    ["an answer that is no function", { host: "a", answer: "s3cr3t" as never }, "`answer` is not a function"],
    ["no pins", { host: "a", hostKeys: { pinned: [] as never } }, "a: "],
    [
      "an invalid pin",
      { host: "a", hostKeys: { pinned: ["SHA256:abc"] } },
      "\"SHA256:abc\" is neither a public key"
    ],
    ["a pin with a line end", { host: "a", hostKeys: { pinned: [`${publicKey} x\n@cert-authority`] } }, "is neither"],
    ["a pin with two line ends", { host: "a", hostKeys: { pinned: [`${fingerprint}\n`] } }, "is neither"],
    [
      "hostKeys that are none",
      { host: "a", hostKeys: "no" as never },
      "a: `hostKeys` must be \"strict\", \"accept-new\", \"config\", \"off\" or { pinned }, got \"no\""
    ],
    [
      "pins that are a text",
      { host: "a", hostKeys: { pinned: fingerprint as never } },
      "`hostKeys.pinned` is not an array"
    ],
    ["jump hosts that are a text", { host: "a", jumpHosts: "b" as never }, "`jumpHosts` is not an array"],
    [
      "an option that is not a boolean",
      { host: "a", compression: "yes" as never },
      "a: `compression` is invalid: expected boolean, got \"yes\""
    ],
    ["a terminal that is a text", { host: "a", pty: "yes" as never }, "`pty` is neither a boolean nor"],
    [
      "no time to connect",
      { host: "a", connectTimeout: 0 },
      "a: `connectTimeout` must be a duration above 0 and below 24 days, such as \"10 seconds\", got 0"
    ],
    ["a negative time limit", { host: "a", connectTimeout: "-1 seconds" as never }, "got \"-1 seconds\""],
    ["an invalid duration", { host: "a", connectTimeout: "soon" as never }, "`connectTimeout` must be a duration"],
    ["a duration without a unit", { host: "a", connectTimeout: "10" as never }, "such as \"10 seconds\", got \"10\""],
    ["a time limit that is too long to show", { host: "a", connectTimeout: "1".repeat(61) as never }, "63 characters"],
    ["endless time", { host: "a", connectTimeout: Duration.infinity }, "below 24 days, such as"],
    ["keepAlive without probes", { host: "a", keepAlive: { interval: "1 seconds", count: 0 } }, "keepAlive"],
    [
      "keepAlive without an interval",
      { host: "a", keepAlive: { interval: 0, count: 1 } },
      "`keepAlive.interval` must be a duration of at least 1s and below 24 days"
    ],
    // FOUND B19
    [
      "a keepAlive in milliseconds",
      { host: "a", keepAlive: { interval: 15, count: 3 } },
      "got 15 (a number is in milliseconds: for seconds, write \"15 seconds\")"
    ],
    ["a keepAlive without a count", { host: "a", keepAlive: { interval: "1 second" } as never }, "has no `count`"],
    [
      "a keepAlive without an interval at all",
      { host: "a", keepAlive: "on" as never },
      "`keepAlive` must be \"off\" or"
    ],
    [
      "a terminal without columns",
      { host: "a", pty: { columns: 0 } },
      "a: `columns` is invalid: expected a number between 1 and 65535, got 0"
    ],
    ["a terminal without a type", { host: "a", pty: { term: "" } }, "not a TERM"],
    ["an invalid shell", { host: "a", shell: "bash" as never }, "shell"],
    [
      "a bad jump host",
      { host: "a", jumpHosts: [{ host: "b" }, { host: "-b" }] },
      "a: jump host: the host \"-b\" starts with"
    ],
    ["a jump host's port", { host: "a", jumpHosts: [{ host: "b", port: 0 }] }, "jump host: the port 0 is not within"]
  ]

  it.each(bad)("refuses %s", (_, options, expected) => {
    assert.include(messageOf(RemoteHost.make(options)), expected)
    assert.match(messageOf(RemoteHost.make(options)), /^InvalidHost: /)
    assert.notInclude(inspect(RemoteHost.make(options), { depth: 9 }), "s3cr3t")
  })

  it("takes the text of a key with the line ends of Windows", () => {
    const key = Redacted.make(keyText("abc").replaceAll("\n", "\r\n").trimEnd())
    assert.strictEqual(messageOf(RemoteHost.make({ host: "a", key })), "a is valid")
  })

  it("checks what the schema let through, which looks at one field at a time", () => {
    const host = new RemoteHost.RemoteHost({ host: "a", passphrase: Redacted.make("s3cr3t") })
    assert.include(messageOf(RemoteHost.make(host)), "neither `key` nor `keyFile`")
    assert.strictEqual(valid(RemoteHost.make(valid(RemoteHost.make(full)))).host, "worker-01")
  })

  it("refuses a password that is not Redacted, without showing it", () => {
    // @ts-expect-error not Redacted
    const result = RemoteHost.make({ host: "a", password: "s3cr3t" })
    assert.strictEqual(messageOf(result), "InvalidHost: a: the password is not Redacted: wrap it with Redacted.make")
    // @ts-expect-error not Redacted
    const jump = RemoteHost.make({ host: "a", jumpHosts: [{ host: "b", password: "s3cr3t" }] })
    assert.notInclude(inspect(jump, { depth: 9 }), "s3cr3t")
    const password = Redacted.make(1234567)
    // @ts-expect-error not a string
    assert.include(messageOf(RemoteHost.make({ host: "a", password })), "the password is not a string")
  })

  it("refuses what is of another type", () => {
    // @ts-expect-error not a string
    assert.include(messageOf(RemoteHost.make({ host: 1 })), "(no host): the host is not a string")
    // @ts-expect-error not a string
    assert.include(messageOf(RemoteHost.make({ host: "a", username: {} })), "the username is not a string")
    // @ts-expect-error not a number
    assert.include(messageOf(RemoteHost.make({ host: "a", port: "22" })), "the port is not a number: \"22\"")
    // @ts-expect-error not a boolean
    assert.include(messageOf(RemoteHost.make({ host: "a", compression: "yes" })), "compression")
  })

  it("an error about something else does not show the password", () => {
    const result = RemoteHost.make({ ...full, compression: "x" as never, shell: "y" as never })
    assert.match(messageOf(result), /^InvalidHost: /)
    assert.notInclude(inspect(result, { depth: 9 }), "s3cr3t")
    assert.throws(
      () => new RemoteHost.RemoteHost({ host: "-a", password: Redacted.make("s3cr3t") }),
      /starts with "-"/
    )
  })
})

// FOUND A4
describe("what is given in the wrong place is not shown", () => {
  const body = "c3VwZXJzZWNyZXQ".repeat(20)
  const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`
  const secret = "hunter2"
  const wrong: Readonly<Record<string, () => Either.Either<RemoteHost.RemoteHost, RemoteError.RemoteConnectionError>>> =
    {
      "a key": () => RemoteHost.make({ host: "a", keyFile: key }),
      "a key on one line": () => RemoteHost.make({ host: "a", keyFile: key.replaceAll("\n", " ") }),
      "a key in base64": () => RemoteHost.make({ host: "a", keyFile: Buffer.from(key).toString("base64") }),
      "a key without its first line": () => RemoteHost.make({ host: "a", keyFile: `b3BlbnNzaC1rZXktdjE${body}` }),
      "a key of a jump host": () => RemoteHost.make({ host: "a", jumpHosts: [{ host: "b", keyFile: key }] }),
      "a key for known_hosts": () => RemoteHost.make({ host: "a", knownHostsFile: key }),
      "a key for ssh_config": () => RemoteHost.make({ host: "a", sshConfig: key }),
      "a key for the SFTP server": () => RemoteHost.make({ host: "a", sftpServer: key }),
      "a key for an argument of the SFTP server": () => RemoteHost.make({ host: "a", sftpServer: ["sudo", key] }),
      "lines for an argument of the SFTP server": () =>
        RemoteHost.make({ host: "a", sftpServer: ["x", `a\n${secret}`] }),
      "a key to pin": () => RemoteHost.make({ host: "a", hostKeys: { pinned: [key] } }),
      "a key for another option": () => RemoteHost.make({ host: "a", shell: key as never }),
      "a key for the host": () => RemoteHost.make({ host: key }),
      "a key for the username": () => RemoteHost.make({ host: "a", username: key }),
      "lines for a path": () => RemoteHost.make({ host: "a", keyFile: `x\n${secret}` }),
      "a host with a password": () => RemoteHost.make({ host: `luigi:${secret}@a` }),
      "a jump host with a password": () => RemoteHost.make({ host: "a", jumpHosts: [{ host: `luigi:${secret}@b` }] }),
      "an address with a password for the host": () => RemoteHost.make({ host: `ssh://luigi:${secret}@a` }),
      "a destination with a password": () => RemoteHost.parse(`luigi:${secret}@a`),
      "an address with a password": () => RemoteHost.parse(`ssh://luigi:${secret}@a`),
      "an address with a password and a path": () => RemoteHost.parse(`ssh://luigi:${secret}@a/path`),
      "a destination with a password and a wrong port": () => RemoteHost.parse(`luigi:${secret}@a:port`)
    }
  it.each(Object.entries(wrong))("%s", (_, make) => {
    const error = Either.getOrThrow(Either.flip(make()))
    assert.strictEqual(error.reason, "InvalidHost")
    for (const text of [error.message, error.detail, inspect(error), JSON.stringify(error)]) {
      assert.notInclude(text, "c3VwZXJzZWNyZXQ")
      assert.notInclude(text, Buffer.from(body).toString("base64").slice(0, 20))
      assert.notInclude(text, secret)
    }
  })

  it("says that a path is wanted", () => {
    assert.include(messageOf(RemoteHost.make({ host: "a", keyFile: key })), "the key file must be a path")
  })

  it.effect("from the environment, too", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(RemoteHost.config)
      assert.include(String(error), "must be a path")
      assert.notInclude(String(error) + inspect(error), "c3VwZXJzZWNyZXQ")
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["HOST", "a"], ["KEY_FILE", key]])))))
})

describe("parse", () => {
  it.each([
    ["worker-01", { host: "worker-01" }],
    ["luigi@worker-01", { username: "luigi", host: "worker-01" }],
    ["luigi@worker-01:2222", { username: "luigi", host: "worker-01", port: 2222 }],
    ["worker-01:22", { host: "worker-01", port: 22 }],
    ["a@b@c", { username: "a@b", host: "c" }],
    ["::1", { host: "::1" }],
    ["luigi@::1", { username: "luigi", host: "::1" }],
    ["[::1]", { host: "::1" }],
    ["[::1]:22", { host: "::1", port: 22 }],
    ["luigi@[fe80::1%eth0]:22", { username: "luigi", host: "fe80::1%eth0", port: 22 }],
    ["[worker-01]:22", { host: "worker-01", port: 22 }],
    ["ssh://worker-01", { host: "worker-01" }],
    ["SSH://luigi@worker-01:2222/", { username: "luigi", host: "worker-01", port: 2222 }],
    ["ssh://luigi@[::1]:22", { username: "luigi", host: "::1", port: 22 }],
    ["ssh://a%40b@worker-01", { username: "a@b", host: "worker-01" }],
    ["a%40b@worker-01", { username: "a%40b", host: "worker-01" }],
    ["domain\\luigi@worker-01", { username: "domain\\luigi", host: "worker-01" }]
  ])("%s", (destination, expected) => {
    const { connectTimeout: _, hostKeys: _keys, shell: _shell, ...found } = { ...valid(RemoteHost.parse(destination)) }
    assert.deepStrictEqual(found, expected)
  })

  it.each([
    ["", "the host is empty"],
    ["@worker-01", "the username is empty"],
    ["luigi@", "the host is empty"],
    ["worker-01:", "the port \"\" is not a number within 1..65535"],
    ["worker-01:x", "the port \"x\" is not a number within 1..65535"],
    ["worker-01:0", "the port 0 is not within 1..65535"],
    ["worker-01:65536", "the port 65536 is not within 1..65535"],
    ["worker-01:-1", "the port \"-1\""],
    ["worker-01:22:23", "is not an IPv6 address"],
    ["[::1]:", "the port \"\""],
    ["[::1]22", "contains a \":\" but is not an IPv6 address"],
    ["[]", "the host is empty"],
    ["-oProxyCommand=x", "starts with \"-\""],
    ["luigi@-x", "starts with \"-\""],
    ["-l@worker-01", "the username \"-l\" starts with \"-\""],
    ["ssh://", "the host is empty"],
    ["ssh://worker-01/path", "an ssh:// address must not have a path"],
    ["ssh://%00@worker-01", "contains a control character"],
    ["ssh://%zz@worker-01:x", "the port \"x\""],
    ["a b", "contains a space"],
    ["worker-01\n", "contains a space or a control character"]
  ])("refuses %j", (destination, expected) => {
    assert.include(messageOf(RemoteHost.parse(destination)), expected)
    assert.match(messageOf(RemoteHost.parse(destination)), /^InvalidHost: /)
  })

  it("takes the other options", () => {
    const host = valid(RemoteHost.parse("a@b:1", { connectTimeout: "1 seconds", hostKeys: "off" }))
    assert.deepStrictEqual([host.port, host.hostKeys, Duration.toMillis(host.connectTimeout)], [1, "off", 1000])
  })

  it.prop("a host reads back from what it is shown as", {
    host: FastCheck.constantFrom("worker-01", "::1", "fe80::1%eth0", "127.0.0.1", "a.b"),
    username: FastCheck.constantFrom(undefined, "luigi", "a@b", "a b"),
    port: FastCheck.option(FastCheck.integer({ min: 1, max: 65535 }), { nil: undefined })
  }, (options) => {
    const host = valid(RemoteHost.make(options))
    assert.deepStrictEqual(valid(RemoteHost.parse(String(host))), host)
  })
})

describe("config", () => {
  const load = (entries: Record<string, string>, config = RemoteHost.config) =>
    Effect.withConfigProvider(config, ConfigProvider.fromMap(new Map(Object.entries(entries))))

  it.effect("reads what is set", () =>
    Effect.gen(function*() {
      const host = yield* load({
        HOST: "worker-01",
        USERNAME: "luigi",
        PORT: "2222",
        KEY_FILE: "~/.ssh/id",
        PASSWORD: "s3cr3t",
        KNOWN_HOSTS_FILE: "/tmp/known",
        CONNECT_TIMEOUT: "5 seconds",
        PASSPHRASE: "s3cr3t phrase",
        IDENTITIES_ONLY: "false"
      })
      assert.strictEqual(Redacted.value(host.passphrase!), "s3cr3t phrase")
      assert.isFalse(host.identitiesOnly)
      const { key } = yield* load({ HOST: "a", KEY: keyText("abc") })
      assert.strictEqual(Redacted.value(key!), keyText("abc"))
      assert.strictEqual(String(host), "luigi@worker-01:2222")
      assert.strictEqual(Duration.toSeconds(host.connectTimeout), 5)
      assert.deepStrictEqual([host.keyFile, host.knownHostsFile], ["~/.ssh/id", "/tmp/known"])
      assert.isTrue(host.password !== undefined && Redacted.value(host.password) === "s3cr3t")
      assert.strictEqual(String(yield* load({ HOST: "a" })), "a")
    }))

  it.effect("can be nested", () =>
    Effect.gen(function*() {
      const nested = Config.nested(RemoteHost.config, "WORKER")
      const provider = ConfigProvider.fromMap(new Map([["WORKER_HOST", "a"]]), { pathDelim: "_" })
      assert.strictEqual(String(yield* Effect.withConfigProvider(nested, provider)), "a")
    }))

  it.effect.each([
    [{}, "HOST"],
    [{ HOST: "-x" }, "starts with \"-\""],
    [{ HOST: "a", PORT: "x" }, "PORT"],
    [{ HOST: "a", PORT: "0" }, "the port 0 is not within 1..65535"],
    [{ HOST: "a", CONNECT_TIMEOUT: "soon" }, "CONNECT_TIMEOUT"],
    [{ HOST: "a", PASSWORD: "s3cr3t\n" }, "the password contains a line break"],
    [{ HOST: "a", KEY: "s3cr3t" }, "is not the text of a private key"],
    [{ HOST: "a", PASSPHRASE: "s3cr3t" }, "a `passphrase` is given"]
  ] as ReadonlyArray<readonly [Record<string, string>, string]>)(
    "says what is wrong: %j",
    ([entries, expected]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(load(entries))
        assert.include(String(error), expected)
        assert.notInclude(String(error), "s3cr3t")
      })
  )
})

describe("a RemoteHost", () => {
  it("comes back through its schema and JSON", () => {
    for (const options of [full, { host: "a", keepAlive: "off" as const }]) {
      const host = valid(RemoteHost.make(options))
      const json = JSON.stringify(Schema.encodeSync(RemoteHost.RemoteHost)(host))
      const decoded = Schema.decodeUnknownSync(RemoteHost.RemoteHost)(JSON.parse(json))
      assert.deepStrictEqual(decoded, host)
      assert.instanceOf(decoded, RemoteHost.RemoteHost)
    }
  })

  it("is checked when it is decoded", () => {
    const decode = Schema.decodeUnknownEither(RemoteHost.RemoteHost)
    for (const host of ["-a", "a b", "a@b", ""]) {
      assert.isTrue(Either.isLeft(decode({ host, connectTimeout: { _tag: "Millis", millis: 1 } })))
    }
    const result = decode({ host: "a", password: "s3cr3t\n" })
    assert.isTrue(Either.isLeft(result))
  })

  it("shows its password nowhere", () => {
    const host = valid(RemoteHost.make(full))
    for (
      const shown of [
        JSON.stringify(host),
        String(host),
        inspect(host, { depth: 9, showHidden: true }),
        `${host.jumpHosts}`
      ]
    ) {
      assert.notInclude(shown, "s3cr3t")
    }
    assert.include(JSON.stringify(host), "<redacted>")
  })

  it("is shown as people write it", () => {
    const show = (options: RemoteHost.Options) => String(valid(RemoteHost.make(options)))
    assert.strictEqual(show({ host: "a" }), "a")
    assert.strictEqual(show({ host: "a", username: "b", port: 1 }), "b@a:1")
    assert.strictEqual(show({ host: "::1" }), "::1")
    assert.strictEqual(show({ host: "::1", port: 22 }), "[::1]:22")
    assert.strictEqual(String(new RemoteHost.JumpHost({ host: "a", port: 2 })), "a:2")
  })
})
