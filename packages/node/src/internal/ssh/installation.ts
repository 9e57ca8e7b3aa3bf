/**
 * The files that `ssh` needs for one host: configurations, pinned keys, the scripts that answer it. They are written once
 * and serve every channel.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { JumpHost, RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import * as askpass from "./askpass.js"
import { expandHome } from "./home.js"
import * as privateDirectory from "./privateDirectory.js"
import * as privateKey from "./privateKey.js"
import * as sshConfig from "./sshConfig.js"
import * as sshLog from "./sshLog.js"
import * as sshOutput from "./sshOutput.js"

/** @internal */
export interface Installation {
  readonly directory: string
  /** For `ssh -F`. */
  readonly config: string
  readonly environment: Readonly<Record<string, string>>
  /** The jump hosts and the host, in the order of the connections. */
  readonly route: ReadonlyArray<askpass.Endpoint>
  /** The line that `ssh` prints on stderr once it has logged in. */
  readonly ready: string
}

/**
 * Explains a failure to write the files that `ssh` needs.
 *
 * @internal
 */
export const written = (host: string) =>
  Effect.mapError((cause: unknown) =>
    cause instanceof privateDirectory.UntrustedDirectory
      ? new RemoteConnectionError({
        reason: "Unsupported",
        host,
        detail: `the temporary directory is not safe for the files that ssh needs: ${cause.detail}`,
        hint: "Set TMPDIR to a directory of your own, such as one made by `mkdir -m 700`."
      })
      : new RemoteConnectionError({
        reason: "Unknown",
        host,
        cause,
        detail: "the files that ssh needs could not be written: is there room in the temporary directory?"
      })
  )

// Quotes a word for the shell that runs ProxyCommand. In ssh_config a percent sign begins a token.
const shellWord = (word: string): string => `'${word.replace(/'/g, `'\\''`).replace(/%/g, "%%")}'`

interface State {
  readonly host: RemoteHost
  readonly ssh: string
  readonly directory: string
  /** The jump hosts and the host, in the order of the connections. */
  readonly route: ReadonlyArray<JumpHost>
  /** The user's configuration, for `Include`. */
  readonly userConfig: RemoteHost["sshConfig"]
  readonly ready: string
}

const fileIn = ({ directory }: Pick<State, "directory">, name: string): string => Path.join(directory, name)

const askpassOf = (state: State, index: number) => ({
  SSH_ASKPASS: fileIn(state, `askpass-${index}`),
  SSH_ASKPASS_REQUIRE: "force"
})

// The options for the connection through the endpoint before this one.
const proxy = (state: State, index: number): ReadonlyArray<string> => {
  const { host, route, ssh } = state
  const via = route[index - 1]
  if (via === undefined) return host.jumpHosts === undefined ? [] : ["ProxyJump none"]
  const environment = Object.entries(askpassOf(state, index - 1)).map(([name, value]) => shellWord(`${name}=${value}`))
  const asking = shellWord(`${askpass.exportAsker} exec "$@"`)
  // Each channel has its own logs of the jump hosts.
  const log = `"$${askpass.directoryVariable}/${sshOutput.hopLog(index - 1)}"`
  const line = [ssh, "-F", fileIn(state, `host-${index - 1}`), ...sshLog.levels, "-T"].map(shellWord).join(" ")
  const run = `/bin/sh -c ${asking} sh env ${environment.join(" ")} ${line}`
  return [`ProxyCommand ${run} -E ${log} -W '[%h]:%p' -- ${shellWord(via.host)}`]
}

// `Include` reads a path as a pattern. The path of this link has no special characters.
const linkUserConfig = (directory: string, sshConfig: RemoteHost["sshConfig"]) =>
  Effect.gen(function*() {
    if (sshConfig === undefined || sshConfig === "none") return sshConfig
    const link = fileIn({ directory }, sshOutput.userConfig)
    yield* Effect.tryPromise(() => Fs.symlink(Path.resolve(expandHome(sshConfig)), link))
    return link
  })

const keyFile = (state: State, index: number): string => fileIn(state, `key-${index}`)

const writeEndpoint = (state: State, endpoint: JumpHost, index: number) =>
  Effect.gen(function*() {
    const { host, ready, route, userConfig } = state
    const files = {
      pinnedKeys: fileIn(state, `keys-${index}`),
      pinnedFingerprints: fileIn(state, `fingerprints-${index}`),
      key: keyFile(state, index)
    }
    const { fingerprints, keys } = sshConfig.pins(endpoint)
    yield* privateDirectory.write(files.pinnedKeys, keys.map((key) => `* ${key}\n`).join(""))
    yield* privateDirectory.write(
      files.pinnedFingerprints,
      `case " ${fingerprints.join(" ")} " in *" $1 "*) printf '* %s %s\\n' "$2" "$3" ;; esac\n`
    )
    if (endpoint.key !== undefined) {
      yield* privateDirectory.write(files.key, privateKey.normalize(Redacted.value(endpoint.key)))
    }
    if (askpass.answers(endpoint)) {
      yield* privateDirectory.write(fileIn(state, `askpass-${index}`), askpass.script(index), 0o700)
    }
    const isLast = index === route.length - 1
    yield* privateDirectory.write(
      fileIn(state, `host-${index}`),
      sshConfig.render(endpoint.host, userConfig, [
        ...sshConfig.endpoint(endpoint, files),
        ...proxy(state, index),
        ...sshConfig.destination(host),
        ...(isLast ? ["PermitLocalCommand yes", `LocalCommand /bin/sh -c "echo ${ready} >&2"`] : [])
      ], sshConfig.hostDefaults(endpoint))
    )
  })

const askedEndpoint = (state: State, endpoint: JumpHost, index: number): askpass.Endpoint => ({
  index,
  name: String(endpoint),
  password: endpoint.password,
  passphrase: endpoint.passphrase,
  answer: endpoint.answer,
  key: endpoint.key !== undefined
    ? keyFile(state, index)
    : endpoint.keyFile === undefined
    ? undefined
    : expandHome(endpoint.keyFile),
  keyName: endpoint.key === undefined ? endpoint.keyFile : "given as `key`"
})

/** @internal */
export const make = Effect.fnUntraced(function*(host: RemoteHost, ssh: string) {
  const directory = yield* privateDirectory.make
  const route: ReadonlyArray<JumpHost> = [...(host.jumpHosts ?? []), host]
  const ready = `effect-remote-${Path.basename(directory)}-ready`
  const userConfig = yield* linkUserConfig(directory, host.sshConfig)
  const state: State = { host, ssh, directory, route, userConfig, ready }
  yield* Effect.forEach(route, (endpoint, index) => writeEndpoint(state, endpoint, index), { discard: true })

  const last = route.length - 1
  const installation: Installation = {
    directory,
    config: fileIn(state, `host-${last}`),
    environment: askpass.answers(host) ? askpassOf(state, last) : {},
    route: route.map((endpoint, index) => askedEndpoint(state, endpoint, index)),
    ready
  }
  return installation
}, (effect, host) => written(String(host))(effect))
