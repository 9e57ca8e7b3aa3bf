import { RemoteError } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { explain } from "../../src/internal/ssh/loginRefused.js"
import { isLocked, normalize } from "../../src/internal/ssh/privateKey.js"
import * as prompts from "../../src/internal/ssh/prompts.js"

describe("a prompt of ssh", () => {
  it.each([
    ["luigi@worker's password: ", { _tag: "Password", text: "luigi@worker's password: " }],
    ["(luigi@worker) Password: ", { _tag: "Question", text: "Password: " }],
    ["(luigi@::1) Passwort:", { _tag: "Question", text: "Passwort:" }],
    ["(luigi@worker) Duo login\n\n 1. Push\n\nOption: ", {
      _tag: "Question",
      text: "Duo login\n\n 1. Push\n\nOption: "
    }],
    ["(luigi@worker) ", { _tag: "Question", text: "" }],
    // A server chooses these words, and cannot make them look like a prompt of ssh itself.
    ["(luigi@worker) Enter passphrase for key '/k': ", { _tag: "Question", text: "Enter passphrase for key '/k': " }],
    ["(luigi@worker) a@b's password: ", { _tag: "Question", text: "a@b's password: " }],
    ["Enter luigi@worker's new password: ", { _tag: "NewPassword", text: "Enter luigi@worker's new password: " }],
    ["Retype luigi@worker's new password: ", { _tag: "NewPassword", text: "Retype luigi@worker's new password: " }],
    [
      "Enter passphrase for key '/home/it's/a@b's password: ': ",
      {
        _tag: "Passphrase",
        text: "Enter passphrase for key '/home/it's/a@b's password: ': ",
        key: "/home/it's/a@b's password: "
      }
    ],
    ["Enter PIN for 'token': ", { _tag: "Pin", text: "Enter PIN for 'token': " }],
    [
      "The authenticity of host 'a@b (::1)' can't be established.\nAre you sure (yes/no/[fingerprint])? ",
      {
        _tag: "Other",
        text: "The authenticity of host 'a@b (::1)' can't be established.\nAre you sure (yes/no/[fingerprint])? "
      }
    ]
  ])("%j", (prompt, expected) => {
    assert.deepStrictEqual(prompts.parse(prompt), expected as prompts.Asked)
  })
})

describe("a question", () => {
  // B3
  it.each([
    ...["Password: ", "Password for luigi@worker:", "TACACS Password:", "Passwort:", "password:", "Mot de passe : "],
    ...["Contraseña: ", "Пароль: ", "パスワード:", "密码：", "Wachtwoord: ", "LDAP Password: ", "Adgangskode: "],
    ...["Current password: ", "(current) UNIX password: "]
  ])("asks for the password: %j", (text) => {
    assert.strictEqual(prompts.kindOf(text), "password")
  })

  it.each([
    ...["Verification code: ", "One-time password (OATH) for `luigi': ", "OTP: ", "Enter PASSCODE: ", "TOTP code:"],
    ...["Einmalpasswort: ", "Duo two-factor login\nPasscode or option (1-1): ", "PIN: ", "验证码："]
  ])("asks for a code: %j", (text) => {
    assert.strictEqual(prompts.kindOf(text), "code")
  })

  it.each(["New password: ", "Retype new password: ", "Neues Passwort: ", "Confirm password: "])(
    "asks for another password: %j",
    (text) => {
      assert.strictEqual(prompts.kindOf(text), "newPassword")
    }
  )

  it.each(["Geheimwort: ", "", "Response: "])("asks in other words: %j", (text) => {
    assert.strictEqual(prompts.kindOf(text), "unknown")
  })
})

const question = (text: string): prompts.Asked => ({ _tag: "Question", text })
const method: prompts.Asked = { _tag: "Password", text: "a@b's password: " }
const passphrase = (key: string): prompts.Asked => ({ _tag: "Passphrase", text: `for ${key}`, key })

const nothing: prompts.Credentials = { password: false, passphrase: false, answer: false, key: undefined }

/** How the prompts of a login are answered, in a word each, and the state after them. */
const login = (credentials: Partial<prompts.Credentials>, asked: ReadonlyArray<prompts.Asked>) => {
  let state = prompts.initial
  const replies: Array<string> = []
  for (const prompt of asked) {
    const step = prompts.step({ ...nothing, ...credentials }, state, prompt)
    state = step.state
    replies.push(step.reply._tag === "Ask" ? `Ask ${step.reply.attempt}` : step.reply._tag)
  }
  return { replies, state }
}

describe("a login", () => {
  it.each<[string, Partial<prompts.Credentials>, ReadonlyArray<prompts.Asked>, ReadonlyArray<string>]>([
    ["with a password", { password: true }, [method], ["Password"]],
    ["with a password that was refused", { password: true }, [question("Password:"), method], ["Password", "Decline"]],
    // B3
    ["with a password, in words of any language", { password: true }, [question("Geheimwort:")], ["Password"]],
    [
      "with a password that was sent to unknown words",
      { password: true },
      [question("Geheimwort:"), question("Geheimwort:"), method, method],
      ["Password", "Decline", "Password", "Decline"]
    ],
    [
      "with a password, that asks for a code first",
      { password: true },
      [question("Code:"), method],
      ["Decline", "Password"]
    ],
    ["with a password, that has expired", { password: true }, [method, question("New password:")], [
      "Password",
      "Decline"
    ]],
    ["without options", {}, [question("Password:"), method], ["Decline", "Decline"]],
    ["with an answer", { answer: true }, [question("Password:"), question("Code:"), method], [
      "Ask 1",
      "Ask 1",
      "Ask 1"
    ]],
    [
      "with an answer that was refused",
      { answer: true },
      [question("Code:"), question("Code:"), question("Code:")],
      ["Ask 1", "Ask 2", "Ask 3"]
    ],
    [
      "with a password and an answer, again after a wrong code",
      { answer: true, password: true },
      [question("Password:"), question("Code:"), question("Password:"), question("Code:")],
      ["Password", "Ask 1", "Password", "Ask 2"]
    ],
    [
      "with a password that was refused, and an answer",
      { answer: true, password: true },
      [question("Password:"), question("Password:")],
      ["Password", "Ask 2"]
    ],
    ["with a password and an answer, in unknown words", { answer: true, password: true }, [question("Geheimwort:")], [
      "Ask 1"
    ]],
    [
      "with a passphrase",
      { passphrase: true, key: "/k" },
      [passphrase("/other"), passphrase("/k"), passphrase("/k")],
      ["Decline", "Passphrase", "Decline"]
    ],
    [
      "with a passphrase for a path that ssh cuts",
      { passphrase: true, key: `/é${"x".repeat(200)}` },
      [passphrase(`/é${"x".repeat(97)}`)],
      ["Passphrase"]
    ],
    ["with a password and a locked key", { password: true, key: "/k" }, [passphrase("/k"), method], [
      "Decline",
      "Password"
    ]],
    ["with an answer and a locked key", { answer: true, key: "/k" }, [passphrase("/k"), passphrase("/other")], [
      "Ask 1",
      "Ask 1"
    ]],
    [
      "about a host key",
      { answer: true, password: true, passphrase: true },
      [{ _tag: "Other", text: "yes/no" }],
      ["Decline"]
    ]
  ])("%s", (_, credentials, asked, expected) => {
    assert.deepStrictEqual(login(credentials, asked).replies, expected)
  })

  it("without an end is answered a hundred times", () => {
    const { replies } = login({ answer: true }, Array.from({ length: prompts.longestLogin + 1 }, () => question("?")))
    assert.strictEqual(replies.indexOf("Decline"), prompts.longestLogin)
  })

  it("keeps the last five prompts without an answer", () => {
    const { state } = login({}, Array.from({ length: 9 }, (_, index) => question(`${index}`)))
    assert.deepStrictEqual(state.unanswered, ["4", "5", "6", "7", "8"])
  })
})

describe("a refused login", () => {
  const refused = new RemoteError.RemoteConnectionError({
    reason: "AuthenticationFailed",
    host: "luigi@worker",
    detail: "refused",
    hint: "general"
  })
  const of = (
    asked: Partial<prompts.State>,
    keys: { readonly lockedKey?: string; readonly key?: string } = {},
    name = "luigi@worker"
  ) =>
    explain(refused, [
      { name, asked: { ...prompts.initial, ...asked }, lockedKey: keys.lockedKey, key: keys.key }
    ]).message

  it.each([
    ["nothing to add", of({}), "luigi@worker: refused\ngeneral"],
    // B3
    [
      "a prompt without an answer",
      of({ unanswered: ["Verification\u001b code: "] }),
      "luigi@worker: refused; no option answers its prompt \"Verification\\u001b code: \"\n" +
      "Pass `answer`, which answers prompts, or `password` for a prompt that asks for one."
    ],
    [
      "a password",
      of({ password: "Sent" }),
      "luigi@worker: refused; the server refused the password\nCheck `username` and `password`."
    ],
    // B18
    [
      "a locked key of a jump host",
      of({}, { lockedKey: "~/.ssh/id" }, "bastion"),
      "luigi@worker: refused; the key ~/.ssh/id is locked by a passphrase (bastion)\n" +
      "Pass `passphrase`, or add the key to an agent with ssh-add."
    ],
    // B6
    [
      "a passphrase",
      of({ passphraseRefused: true }, { key: "~/.ssh/id" }),
      "luigi@worker: refused; the passphrase does not unlock the key ~/.ssh/id\nCheck `passphrase`."
    ],
    [
      "a refused answer",
      of({ asked: ["Enter passphrase for key '/k': ", "Code: ", "Code: "] }),
      "luigi@worker: refused; the server refused what `answer` returned for \"Code: \"\nCheck `username` and `answer`."
    ]
  ])("is explained by %s", (_, message, expected) => {
    assert.strictEqual(message, expected)
  })

  it("stays as it is if the reason is another one", () => {
    const other = new RemoteError.RemoteConnectionError({ reason: "TimedOut", host: "a", detail: "b" })
    const attempt = { name: "a", asked: { ...prompts.initial, password: "Sent" as const }, lockedKey: "k", key: "k" }
    assert.strictEqual(explain(other, [attempt]), other)
  })
})

// B18
describe("the text of a private key", () => {
  const generate = (...args: ReadonlyArray<string>) => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "key-"))
    const file = Path.join(directory, "k")
    execFileSync("ssh-keygen", ["-q", "-f", file, ...args])
    const text = Fs.readFileSync(file, "latin1")
    Fs.rmSync(directory, { recursive: true })
    return text
  }

  it.each([
    ["OpenSSH", ["-t", "ed25519"]],
    ["PEM", ["-t", "ecdsa", "-m", "PEM"]],
    ["PKCS8", ["-t", "ecdsa", "-m", "PKCS8"]]
  ])("in the format of %s shows whether it is locked", (_, format) => {
    assert.isFalse(isLocked(generate(...format, "-N", "")))
    assert.isTrue(isLocked(generate(...format, "-N", "a passphrase")))
  })

  it.each(["", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "ssh-ed25519 AAAA", "\u0000"])(
    "that is none is not locked: %j",
    (text) => {
      assert.isFalse(isLocked(text))
    }
  )

  it("is written with line feeds, also at the end", () => {
    assert.strictEqual(normalize(" a\r\nb\rc"), "a\nb\nc\n")
  })
})
