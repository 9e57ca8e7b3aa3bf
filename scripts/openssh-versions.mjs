// Unpacks OpenSSH of other Debian releases into a folder, with the libraries that it needs, for tests with other versions. The
// system is not changed: apt runs with sources, lists and a cache of its own, nothing is installed, and no root is needed.
//
//   node scripts/openssh-versions.mjs [--into FOLDER] [RELEASE...]
//
// FOLDER/RELEASE has `bin` (ssh, ssh-keygen and others), `sbin/sshd` and `libexec/sftp-server`. They run from any directory, but
// the folder cannot be moved: each program names its own loader and libraries by absolute paths.
import { execFileSync, spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

/** The releases that there are, the oldest first. */
export const releases = ["bullseye", "bookworm", "trixie", "forky"]

export const newest = releases.at(-1)

const defaultFolder = fileURLToPath(new URL("../node_modules/.cache/openssh", import.meta.url))

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
const clients = ["ssh", "ssh-keygen", "ssh-agent", "ssh-add", "ssh-keyscan", "scp", "sftp"]
const packages = ["openssh-client", "openssh-server", "openssh-sftp-server", "patchelf"]

const read = (file) => fs.existsSync(file) ? fs.readFileSync(file, "utf8") : ""

const fieldsOf = (text) =>
  Object.fromEntries(Array.from(text.matchAll(/^(\S+?)(?::\s*|=)(.*)$/gm), ([, name, value]) => [name, value]))

/** The address of the mirror in the configuration of apt: that of the release which is installed. */
const mirror = () => {
  const codename = fieldsOf(read("/etc/os-release")).VERSION_CODENAME
  const folder = "/etc/apt/sources.list.d"
  const files = fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : []
  const lines = ["/etc/apt/sources.list", ...files.filter((file) => file.endsWith(".list"))].flatMap((file) =>
    Array.from(read(file).matchAll(/^deb\s+(?:\[.*?\]\s+)?(\S+)\s+(\S+)/gm), ([, uri, suites]) => ({ uri, suites }))
  )
  const stanzas = files.filter((file) => file.endsWith(".sources")).flatMap((file) =>
    read(file).replace(/^#.*\n/gm, "").split(/\n\s*\n/).map(fieldsOf).map(({ Suites: suites, URIs: uri }) => ({
      uri,
      suites
    }))
  )
  const found = [...stanzas, ...lines].find(({ suites = "" }) => suites.split(/\s+/).includes(codename))
  if (found === undefined) throw new Error(`apt has no source for ${codename}, the release of this machine`)
  return found.uri.split(/\s+/)[0]
}

// `folder` holds all that apt reads and writes.
const aptOf = (folder, release) => {
  for (const name of ["lists/partial", "cache/archives/partial", "empty"]) {
    fs.mkdirSync(path.join(folder, name), { recursive: true })
  }
  fs.writeFileSync(path.join(folder, "status"), "")
  fs.writeFileSync(path.join(folder, "sources.list"), `deb [signed-by=${keyring}] ${mirror()} ${release} main\n`)
  const options = {
    "Dir::Etc::sourcelist": path.join(folder, "sources.list"),
    "Dir::Etc::sourceparts": path.join(folder, "empty"),
    "Dir::Etc::preferencesparts": path.join(folder, "empty"),
    "Dir::State": folder,
    "Dir::State::status": path.join(folder, "status"),
    "Dir::Cache": path.join(folder, "cache"),
    "Acquire::Languages": "none",
    "APT::Sandbox::User": ""
  }
  const args = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`])
  return (program, ...rest) =>
    execFileSync(program, ["-q", ...args, ...rest], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 1 << 28,
      stdio: ["ignore", "pipe", "pipe"]
    })
}

/** The packages, and the libraries that they depend on. */
const withLibraries = (apt, names) => {
  const known = new Set(names)
  for (let added = names; added.length > 0;) {
    const depends = Array.from(
      apt("apt-cache", "show", "--no-all-versions", ...added).matchAll(/^(?:Pre-)?Depends: (.*)$/gm),
      ([, list]) => list.split(/\s*,\s*/)
    ).flat()
    added = [...new Set(depends.map((dependency) => dependency.split(/[\s:|(]/)[0]))].filter((name) =>
      (name.startsWith("lib") || name === "openssh-common" || name === "zlib1g") && !known.has(name)
    )
    added.forEach((name) => known.add(name))
  }
  return [...known]
}

const findFiles = (folder) =>
  fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))

// The libraries lie in one folder. Links with a path in them lead out of it.
const isLibrary = (file) =>
  /\/lib\/[^/]+\/[^/]+\.so(\.[^/]*)?$/.test(file) &&
  !(fs.lstatSync(file).isSymbolicLink() && fs.readlinkSync(file).includes("/"))

/** Moves the programs and libraries out of unpacked packages. The programs then load these libraries. */
const arrange = (root, target) => {
  const folder = (name) => {
    fs.mkdirSync(path.join(target, name), { recursive: true })
    return path.join(target, name)
  }
  const [bin, sbin, lib, libexec] = ["bin", "sbin", "lib", "libexec"].map(folder)
  for (const file of findFiles(root)) if (isLibrary(file)) fs.renameSync(file, path.join(lib, path.basename(file)))

  const loader = path.join(lib, fs.readdirSync(lib).find((name) => /^ld-linux/.test(name)))
  const patchelf = [loader, "--library-path", lib, path.join(root, "usr/bin/patchelf")]
  const install = (file, into) => {
    const program = path.join(into, path.basename(file))
    fs.renameSync(path.join(root, file), program)
    // RPATH, unlike RUNPATH, is also where libraries find their own libraries, and the modules of name services
    for (const change of [["--set-interpreter", loader], ["--force-rpath", "--set-rpath", lib]]) {
      execFileSync(patchelf[0], [...patchelf.slice(1), ...change, program])
    }
    return program
  }
  clients.forEach((name) => install(`usr/bin/${name}`, bin))
  const inLibexec = Object.fromEntries(
    ["usr/sbin/sshd", "usr/lib/openssh/sshd-session", "usr/lib/openssh/sshd-auth", "usr/lib/openssh/sftp-server"]
      .filter((file) => fs.existsSync(path.join(root, file)))
      .map((file) => [path.basename(file), install(file, libexec)])
  )
  // Since 9.8 a connection is served by other programs, at paths of the system that only options can change.
  const options = Object.entries({ SshdSessionPath: "sshd-session", SshdAuthPath: "sshd-auth" })
    .flatMap(([option, name]) => name in inLibexec ? [`-o '${option}="${inLibexec[name]}"'`] : [])
  fs.writeFileSync(
    path.join(sbin, "sshd"),
    `#!/bin/sh\nexec ${[`'${inLibexec.sshd}'`, ...options].join(" ")} "$@"\n`,
    { mode: 0o755 }
  )
}

const versionOf = (folder) => {
  const { stderr } = spawnSync(path.join(folder, "bin/ssh"), ["-V"], { encoding: "utf8" })
  const [, version] = /^OpenSSH_([^\s,]+)/.exec(stderr) ?? []
  if (version === undefined) throw new Error(`${folder}/bin/ssh does not run: ${stderr}`)
  return version
}

/** Unpacks a release if it is not yet unpacked. Gives its folder and version. */
export const prepare = (release, into = defaultFolder) => {
  const target = path.join(path.resolve(into), release)
  const complete = path.join(target, "complete")
  if (read(complete) !== target) {
    fs.rmSync(target, { recursive: true, force: true })
    const work = path.join(target, "work")
    const root = path.join(work, "root")
    const apt = aptOf(work, release)
    apt("apt-get", "update")
    apt("apt-get", "download", ...withLibraries(apt, packages))
    for (const name of fs.readdirSync(work)) {
      if (name.endsWith(".deb")) execFileSync("dpkg-deb", ["-x", path.join(work, name), root])
    }
    arrange(root, target)
    fs.rmSync(work, { recursive: true })
    versionOf(target)
    // last, and with the path: a folder that was copied or left half-way is made again
    fs.writeFileSync(complete, target)
  }
  return { release, folder: target, version: versionOf(target) }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { into: { type: "string" } } })
  const unknown = positionals.find((release) => !releases.includes(release))
  if (unknown !== undefined) throw new Error(`no release of Debian by the name ${unknown}: ${releases.join(", ")}`)
  for (const release of positionals.length === 0 ? releases : positionals) {
    const { folder, version } = prepare(release, values.into)
    console.log(`${release}\t${version}\t${folder}`)
  }
}
