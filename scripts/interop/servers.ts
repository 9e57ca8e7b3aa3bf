/**
 * Servers from Debian's packages, each as a script that starts it on loopback.
 */
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"

export interface Setting {
  readonly port: number
  /** A private directory with `host_key`, `authorized_keys` and the login directory `home`. */
  readonly directory: string
}

export interface Server {
  readonly name: string
  /** The first letters of the names of its processes. */
  readonly program: string
  /** Debian's packages. */
  readonly packages: ReadonlyArray<string>
  readonly installed: () => boolean
  readonly version: () => string
  /** The command of the server, for `/bin/sh`. It must not start a child that listens. */
  readonly command: (setting: Setting) => string
  /** Whether it offers a pseudo-terminal. */
  readonly pty: boolean
}

const here = (name: string) => fileURLToPath(new URL(`servers/${name}`, import.meta.url))

const output = (program: string, ...args: ReadonlyArray<string>): string => {
  try {
    return execFileSync("/bin/sh", ["-c", "exec \"$@\" 2>&1", "sh", program, ...args], { encoding: "utf8" })
  } catch (error) {
    return String((error as { readonly stdout?: unknown }).stdout ?? "")
  }
}

const exists = (...paths: ReadonlyArray<string>) => () => paths.every((path) => Fs.existsSync(path))

const debian = (name: string) => () =>
  output("dpkg-query", "-W", "-f", "${source:Upstream-Version}", name).replace(/\+dfsg.*/, "")

const { gid, uid, username } = Os.userInfo()

// Servers that read the account's own directory find one of ours: the entry of this user in a private list.
const ownAccount = (directory: string): string => {
  const home = Path.join(directory, "home")
  Fs.mkdirSync(Path.join(home, ".ssh"), { recursive: true, mode: 0o700 })
  Fs.copyFileSync(Path.join(directory, "authorized_keys"), Path.join(home, ".ssh", "authorized_keys"))
  const entry = `${username}:x:${uid}:${gid}::${home}:/bin/sh\n`
  Fs.writeFileSync(Path.join(directory, "passwd"), entry + Fs.readFileSync("/etc/passwd", "utf8"))
  Fs.copyFileSync("/etc/group", Path.join(directory, "group"))
  return [
    "LD_PRELOAD=libnss_wrapper.so",
    `NSS_WRAPPER_PASSWD=${directory}/passwd`,
    `NSS_WRAPPER_GROUP=${directory}/group`
  ].join(" ")
}

const dropbear: Server = {
  name: "dropbear",
  program: "dropbear",
  packages: ["dropbear-bin", "libnss-wrapper", "openssh-sftp-server"],
  installed: exists("/usr/sbin/dropbear", "/usr/lib/sftp-server"),
  version: debian("dropbear-bin"),
  pty: true,
  command: ({ directory, port }) => {
    output("dropbearconvert", "openssh", "dropbear", `${directory}/host_key`, `${directory}/dropbear_key`)
    const account = ownAccount(directory)
    return `env ${account} /usr/sbin/dropbear -F -E -e -r ${directory}/dropbear_key -p 127.0.0.1:${port}` +
      ` -P ${directory}/pid`
  }
}

const python = (name: string, script: string, modules: string): Server => ({
  name,
  program: "python3",
  packages: [modules],
  installed: () => output("/usr/bin/python3", "-W", "ignore", "-c", `import ${name}; print("yes")`) === "yes\n",
  version: debian(modules),
  pty: false,
  command: ({ directory, port }) => `/usr/bin/python3 -W ignore ${here(script)} ${port} ${directory}`
})

const goPath = "/usr/share/gocode"

const go: Server = {
  name: "go",
  program: "goServer",
  packages: ["golang-go", "golang-golang-x-crypto-dev", "golang-github-pkg-sftp-dev"],
  installed: exists("/usr/bin/go", `${goPath}/src/github.com/pkg/sftp`, `${goPath}/src/golang.org/x/crypto/ssh`),
  version: debian("golang-github-pkg-sftp-dev"),
  pty: false,
  command: ({ directory, port }) => {
    const cache = Path.join(Os.tmpdir(), `effect-remote-interop-go-${uid}`)
    const program = `${directory}/built/goServer`
    execFileSync("/usr/bin/go", ["build", "-o", program, here("goServer.go")], {
      env: { ...process.env, GO111MODULE: "off", GOPATH: goPath, GOCACHE: cache },
      stdio: "inherit"
    })
    return `${program} ${port} ${directory}`
  }
}

const erlang: Server = {
  name: "erlang",
  program: "erl",
  packages: ["erlang-base", "erlang-ssh"],
  installed: () => Fs.existsSync("/usr/bin/erl") && debian("erlang-ssh")() !== "",
  version: debian("erlang-ssh"),
  pty: false,
  command: ({ directory, port }) => {
    Fs.copyFileSync(`${directory}/host_key`, `${directory}/ssh_host_ed25519_key`)
    execFileSync("/usr/bin/erlc", ["-o", directory, here("erlangServer.erl")])
    return `erl -noshell -noinput -pa ${directory} -run erlangServer main ${port} ${directory}`
  }
}

const proftpd: Server = {
  name: "proftpd",
  program: "proftpd",
  packages: ["proftpd-core", "proftpd-mod-crypto"],
  installed: exists("/usr/sbin/proftpd", "/usr/lib/proftpd/mod_sftp.so"),
  version: debian("proftpd-core"),
  pty: false,
  command: ({ directory, port }) => {
    const keys = output("ssh-keygen", "-e", "-f", `${directory}/authorized_keys`)
    Fs.writeFileSync(`${directory}/keys`, keys)
    Fs.writeFileSync(`${directory}/users`, `${username}:x:${uid}:${gid}::${directory}/home:/bin/sh\n`, { mode: 0o600 })
    Fs.writeFileSync(`${directory}/groups`, `${username}:x:${gid}:\n`, { mode: 0o600 })
    const lines = [
      "LoadModule mod_sftp.c",
      "ServerType standalone",
      "DefaultAddress 127.0.0.1",
      `Port ${port}`,
      `User ${username}`,
      `Group ${execFileSync("id", ["-gn"], { encoding: "utf8" }).trim()}`,
      "RootLogin on",
      "UseFtpUsers off",
      "RequireValidShell off",
      "UseReverseDNS off",
      "WtmpLog off",
      "TransferLog none",
      `SystemLog none`,
      `PidFile ${directory}/pid`,
      `ScoreboardFile ${directory}/scoreboard`,
      `DelayTable none`,
      `AuthUserFile ${directory}/users`,
      `AuthGroupFile ${directory}/groups`,
      "AuthOrder mod_auth_file.c",
      "AllowOverwrite on",
      "AllowStoreRestart on",
      "ShowSymlinks on",
      "Umask 022",
      "MaxInstances 200",
      "SFTPEngine on",
      `SFTPHostKey ${directory}/host_key`,
      `SFTPAuthorizedUserKeys file:${directory}/keys`,
      "SFTPCompression off"
    ]
    Fs.writeFileSync(`${directory}/proftpd.conf`, lines.join("\n") + "\n", { mode: 0o600 })
    return `/usr/sbin/proftpd -n -q -c ${directory}/proftpd.conf`
  }
}

const tinysshd: Server = {
  name: "tinysshd",
  program: "tinysshd",
  packages: ["tinysshd", "ucspi-tcp", "libnss-wrapper", "openssh-sftp-server"],
  installed: exists("/usr/sbin/tinysshd", "/usr/bin/tcpserver"),
  version: debian("tinysshd"),
  pty: true,
  command: ({ directory, port }) => {
    const keys = `${directory}/keys`
    output("tinysshd-makekey", "-q", keys)
    const key = Fs.readFileSync(`${keys}/ed25519.pk`).toString("base64")
    const blob = Buffer.concat(
      ["ssh-ed25519", Buffer.from(key, "base64")].map((part) => {
        const bytes = Buffer.from(part)
        const length = Buffer.alloc(4)
        length.writeUInt32BE(bytes.length)
        return Buffer.concat([length, bytes])
      })
    )
    Fs.writeFileSync(`${directory}/host_key.pub`, `ssh-ed25519 ${blob.toString("base64")}\n`)
    return `env ${ownAccount(directory)} tcpserver -HRDl0 127.0.0.1 ${port}` +
      ` /usr/sbin/tinysshd -vv -x sftp=/usr/lib/openssh/sftp-server ${keys}`
  }
}

export const servers: ReadonlyArray<Server> = [
  dropbear,
  python("asyncssh", "asyncsshServer.py", "python3-asyncssh"),
  python("paramiko", "paramikoServer.py", "python3-paramiko"),
  go,
  erlang,
  proftpd,
  tinysshd
]

export const loginName = username
