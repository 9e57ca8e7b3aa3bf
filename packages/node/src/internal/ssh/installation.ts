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

/** @internal */
export const make = Effect.fnUntraced(function*(host: RemoteHost, ssh: string) {
  const directory = yield* privateDirectory.make
  const file = (name: string) => Path.join(directory, name)
  const ready = `effect-remote-${Path.basename(directory)}-ready`
  const route: ReadonlyArray<JumpHost> = [...(host.jumpHosts ?? []), host]
  const last = route.length - 1

  // `Include` reads a path as a pattern. The path of this link has no special characters.
  const userConfig = host.sshConfig === undefined || host.sshConfig === "none" ? host.sshConfig : file("user-config")
  if (userConfig !== undefined && userConfig !== "none") {
    yield* Effect.tryPromise(() => Fs.symlink(Path.resolve(expandHome(host.sshConfig as string)), userConfig))
  }

  const askpassOf = (index: number) => ({ SSH_ASKPASS: file(`askpass-${index}`), SSH_ASKPASS_REQUIRE: "force" })
  const proxy = (index: number): ReadonlyArray<string> => {
    const via = route[index - 1]
    if (via === undefined) return host.jumpHosts === undefined ? [] : ["ProxyJump none"]
    const environment = Object.entries(askpassOf(index - 1)).map(([name, value]) => shellWord(`${name}=${value}`))
    const asking = shellWord(`${askpass.exportAsker} exec "$@"`)
    // Each channel has its own logs of the jump hosts.
    const log = `"$${askpass.directoryVariable}/${sshOutput.hopLog(index - 1)}"`
    const line = [ssh, "-F", file(`host-${index - 1}`), ...sshLog.levels, "-T"].map(shellWord).join(" ")
    const run = `/bin/sh -c ${asking} sh env ${environment.join(" ")} ${line}`
    return [`ProxyCommand ${run} -E ${log} -W '[%h]:%p' -- ${shellWord(via.host)}`]
  }

  const keyFileOf = (index: number) => file(`key-${index}`)

  yield* Effect.forEach(route, (endpoint, index) =>
    Effect.gen(function*() {
      const files = {
        pinnedKeys: file(`keys-${index}`),
        pinnedFingerprints: file(`fingerprints-${index}`),
        key: keyFileOf(index)
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
        yield* privateDirectory.write(file(`askpass-${index}`), askpass.script(index), 0o700)
      }
      yield* privateDirectory.write(
        file(`host-${index}`),
        sshConfig.render(endpoint.host, userConfig, [
          ...sshConfig.endpoint(endpoint, files),
          ...proxy(index),
          ...sshConfig.destination(host),
          ...(index === last ? ["PermitLocalCommand yes", `LocalCommand /bin/sh -c "echo ${ready} >&2"`] : [])
        ], sshConfig.hostDefaults(endpoint))
      )
    }), { discard: true })

  const installation: Installation = {
    directory,
    config: file(`host-${last}`),
    environment: askpass.answers(host) ? askpassOf(last) : {},
    route: route.map((endpoint, index) => ({
      index,
      name: String(endpoint),
      password: endpoint.password,
      passphrase: endpoint.passphrase,
      answer: endpoint.answer,
      key: endpoint.key !== undefined
        ? keyFileOf(index)
        : endpoint.keyFile === undefined
        ? undefined
        : expandHome(endpoint.keyFile),
      keyName: endpoint.key === undefined ? endpoint.keyFile : "given as `key`"
    })),
    ready
  }
  return installation
}, (effect, host) => written(String(host))(effect))
