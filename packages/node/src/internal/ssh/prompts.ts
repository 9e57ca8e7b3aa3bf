/**
 * The prompts of a login, as a value with a pure step: what a prompt is, and how to answer it. Only this file knows the texts
 * of `ssh`'s prompts.
 */

/** @internal */
export type Asked =
  /** The server's method `password`. */
  | { readonly _tag: "Password"; readonly text: string }
  /** The server's method `keyboard-interactive`, which asks in words of its own. */
  | { readonly _tag: "Question"; readonly text: string }
  /** The server wants another password. */
  | { readonly _tag: "NewPassword"; readonly text: string }
  /** `ssh` asks for the passphrase of a key, whose path it cuts. */
  | { readonly _tag: "Passphrase"; readonly text: string; readonly key: string }
  /** `ssh` asks for the PIN of a token. */
  | { readonly _tag: "Pin"; readonly text: string }
  /** About something else, such as the host key. */
  | { readonly _tag: "Other"; readonly text: string }

/** @internal */
export const parse = (prompt: string): Asked => {
  const passphrase = /^Enter passphrase for (?:key )?'([^]*)': $/.exec(prompt)
  if (passphrase !== null) return { _tag: "Passphrase", text: prompt, key: passphrase[1]! }
  if (/^Enter PIN for /.test(prompt)) return { _tag: "Pin", text: prompt }
  const question = /^\([^\n)]*@[^\n)]*\) ([^]*)$/.exec(prompt)
  if (question !== null) return { _tag: "Question", text: question[1]! }
  if (/^(?:Enter|Retype) [^\n]*@[^\n]*'s (?:old|new) password: $/.test(prompt)) {
    return { _tag: "NewPassword", text: prompt }
  }
  if (/^[^\n]*@[^\n]*'s password: $/.test(prompt)) return { _tag: "Password", text: prompt }
  return { _tag: "Other", text: prompt }
}

const longestShown = 200

/**
 * A prompt for a message.
 *
 * @internal
 */
export const show = (prompt: string): string =>
  JSON.stringify(prompt.length > longestShown ? `${prompt.slice(0, longestShown)}...` : prompt)

const newPassword =
  /\bnew\b|retype|re-enter|\bagain\b|confirm|\bneue|nouveau|\bnuev|\bnuov|\bnov[aoeéý]|\bny(?:tt)?\b/iu

const code =
  /one[- ]?time|\bt?otp\b|verif|c[oó]d[ei]|token|factor|challenge|\bpin\b|\bduo\b|yubi|einmal|код|验证码|驗證碼|コード/iu

const password = new RegExp(
  [
    ...["passw", "passord", "kennwort", "mot de passe", "contrase", "senha", "palavra.passe", "wachtwoord", "has[lł]o"],
    ...["heslo", "geslo", "jelsz", "parol", "lösenord", "adgangskode", "salasana", "[sş]ifre", "lozinka", "mật khẩu"],
    ...["парол", "κωδικ", "סיסמ", "كلمة", "पासवर्ड", "密码", "密碼", "口令", "パスワード", "암호", "비밀번호", "รหัสผ่าน"]
  ].join("|"),
  "iu"
)

/**
 * Classifies a question of the server by its words.
 *
 * @internal
 */
export const kindOf = (question: string): "password" | "newPassword" | "code" | "unknown" => {
  if (code.test(question) && !/adgangskode/i.test(question)) return "code"
  if (!password.test(question)) return "unknown"
  return newPassword.test(question) ? "newPassword" : "password"
}

/** @internal */
export interface Credentials {
  readonly password: boolean
  readonly passphrase: boolean
  readonly answer: boolean
  /** Path of the key that the passphrase is for, as `ssh` shows it. */
  readonly key: string | undefined
}

/** @internal */
export interface State {
  /**
   * `Guessed`: sent to a prompt whose words are unknown. `Doubted`: sent, and a refusal would not show whether it was the
   * password or another answer.
   */
  readonly password: "Unused" | "Guessed" | "Sent" | "Doubted"
  readonly passwordRefused: boolean
  readonly passphraseRefused: boolean
  readonly asked: ReadonlyArray<string>
  /** Prompts that the options have no answer for. */
  readonly unanswered: ReadonlyArray<string>
}

/** @internal */
export const initial: State = {
  password: "Unused",
  passwordRefused: false,
  passphraseRefused: false,
  asked: [],
  unanswered: []
}

/** @internal */
export type Reply =
  | { readonly _tag: "Password" }
  | { readonly _tag: "Passphrase" }
  | { readonly _tag: "Ask"; readonly text: string; readonly attempt: number }
  | { readonly _tag: "Decline" }

/** @internal */
export interface Step {
  readonly state: State
  readonly reply: Reply
}

/**
 * The number of prompts that are answered in one login. A server may ask without end.
 *
 * @internal
 */
export const longestLogin = 100

const decline = (state: State): Step => ({ state, reply: { _tag: "Decline" } })

// The options have no answer: the error will name the prompt.
const leave = (state: State, text: string): Step =>
  decline(state.unanswered.includes(text) ? state : { ...state, unanswered: [...state.unanswered, text].slice(-5) })

const ask = ({ answer }: Credentials, state: State, text: string): Step =>
  answer
    ? { state, reply: { _tag: "Ask", text, attempt: state.asked.filter((asked) => asked === text).length } }
    : leave(state, text)

const sendPassword = (state: State, sent: State["password"]): Step => ({
  state: { ...state, password: sent },
  reply: { _tag: "Password" }
})

const askForPassword = (credentials: Credentials, state: State, text: string): Step => {
  if (!credentials.password) return ask(credentials, state, text)
  if (state.password !== "Sent") return sendPassword(state, "Sent")
  const refused = { ...state, passwordRefused: true }
  return credentials.answer ? ask(credentials, refused, text) : decline(refused)
}

const askSomethingElse = (credentials: Credentials, state: State, text: string): Step =>
  ask(credentials, state.password === "Sent" && credentials.answer ? { ...state, password: "Doubted" } : state, text)

const askQuestion = (credentials: Credentials, state: State, text: string): Step => {
  const kind = kindOf(text)
  if (kind === "password") return askForPassword(credentials, state, text)
  return kind === "unknown" && credentials.password && !credentials.answer && state.password === "Unused"
    ? sendPassword(state, "Guessed")
    : askSomethingElse(credentials, state, text)
}

// `ssh` shows this much of a path.
const shownPath = 100

const isKey = (shown: string, { key }: Credentials): boolean =>
  key !== undefined && Buffer.from(key).subarray(0, shownPath).equals(Buffer.from(shown))

const askForPassphrase = (credentials: Credentials, state: State, asked: { text: string; key: string }): Step => {
  if (!credentials.passphrase || !isKey(asked.key, credentials)) return ask(credentials, state, asked.text)
  if (state.asked.filter((text) => text === asked.text).length === 1) return { state, reply: { _tag: "Passphrase" } }
  const refused = { ...state, passphraseRefused: true }
  return credentials.answer ? ask(credentials, refused, asked.text) : decline(refused)
}

/**
 * How to answer the next prompt.
 *
 * @internal
 */
export const step = (credentials: Credentials, before: State, asked: Asked): Step => {
  if (before.asked.length >= longestLogin) return decline(before)
  const state = { ...before, asked: [...before.asked, asked.text] }
  switch (asked._tag) {
    case "Password":
      return askForPassword(credentials, state, asked.text)
    case "Question":
      return askQuestion(credentials, state, asked.text)
    case "Passphrase":
      return askForPassphrase(credentials, state, asked)
    case "NewPassword":
    case "Pin":
      return askSomethingElse(credentials, state, asked.text)
    case "Other":
      return decline(state)
  }
}
