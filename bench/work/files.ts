import * as RemoteHost from "@effect-remote/core/RemoteHost"
import type { Sshd } from "@effect-remote/testing"
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { type BenchError, type Connection, failed, type Files, type Repeated } from "../contender.js"
import { run } from "../peers/openSsh.js"
import { slowLink } from "./slowLink.js"
import { milliseconds, type Work } from "./work.js"

const mebibyte = 1024 * 1024
const small = 4096
const counts = { exists: 1500, existsAtOnce: 1280, small: 300, tree: 1000 } as const

const attempt = <A>(call: () => Promise<A>): Effect.Effect<A, BenchError> =>
  Effect.tryPromise({ try: call, catch: failed("the files") })

// In memory where that can be, so that the disk is not what is measured.
const directory: Effect.Effect<string, BenchError, Scope.Scope> = Effect.acquireRelease(
  attempt(async () => {
    const inMemory = await Fs.access("/dev/shm", Fs.constants.W_OK).then(() => true, () => false)
    return Fs.mkdtemp(Path.join(inMemory ? "/dev/shm" : Os.tmpdir(), "effect-remote-bench-"))
  }),
  (path) => Effect.promise(() => Fs.rm(path, { recursive: true, force: true }))
)

const block = Buffer.from(Array.from({ length: 65_521 }, (_, index) => (index * 31 + (index >> 3)) & 0xff))

const content = (size: number): Buffer => Buffer.alloc(size, block)

// == small things, again and again

const often = (
  name: string,
  needs: keyof Files,
  repeated: Repeated,
  goal: string,
  work: (connection: Connection, path: string) => Effect.Effect<void, BenchError>
): Work => ({
  name,
  unit: "ms each",
  better: "lower",
  goal,
  needs,
  prepare: (contender, sshd) =>
    Effect.gen(function*() {
      const path = Path.join(yield* directory, "small")
      yield* attempt(() => Fs.writeFile(path, content(small)))
      const connection = yield* contender.connect(sshd)
      return Effect.map(milliseconds(work(connection, path)), (time) => time / repeated.times)
    })
})

const exists = (name: string, repeated: Repeated) =>
  often(name, "exists", repeated, "1.0 × ssh2", (connection, path) => connection.exists(path, repeated))

export const existsSequential = exists("exists-sequential", { times: counts.exists, atOnce: 1 })

export const existsParallel = exists("exists-parallel", { times: counts.existsAtOnce, atOnce: 64 })

const oneByOne = { times: counts.small, atOnce: 1 }

export const readSmall = often(
  "read-small",
  "read",
  oneByOne,
  "",
  (connection, path) => connection.read(path, small, oneByOne)
)

export const writeSmall = often(
  "write-small",
  "write",
  oneByOne,
  "",
  (connection, path) => connection.write(path, content(small), oneByOne)
)

export const writeAtomic = often(
  "write-atomic",
  "atomicWrite",
  oneByOne,
  "5 × exists-sequential",
  (connection, path) => connection.atomicWrite(path, content(small), oneByOne)
)

// == large things, once

// The copy is not there before, and is compared with what it is a copy of afterwards.
const copied = (
  needs: "put" | "get" | "putTree" | "getTree",
  make: (path: string) => Promise<void>,
  link: (sshd: Sshd.Sshd) => Effect.Effect<Sshd.Sshd, BenchError, Scope.Scope> = Effect.succeed
): Work["prepare"] =>
(contender, sshd) =>
  Effect.gen(function*() {
    const root = yield* directory
    const [from, to] = [Path.join(root, "from"), Path.join(root, "to")]
    yield* attempt(() => make(from))
    const connection = yield* contender.connect(yield* link(sshd))
    const clear = attempt(() => Fs.rm(to, { recursive: true, force: true }))
    return clear.pipe(
      Effect.zipRight(milliseconds(connection[needs](from, to))),
      Effect.zipLeft(run(contender.name, "diff", ["-rq", from, to])),
      Effect.zipLeft(clear)
    )
  })

const file = (
  name: string,
  needs: "put" | "get",
  mebibytes: number,
  goal: string,
  link?: (sshd: Sshd.Sshd) => Effect.Effect<Sshd.Sshd, BenchError, Scope.Scope>
): Work => ({
  name,
  unit: "MB/s",
  better: "higher",
  goal,
  needs,
  prepare: (contender, sshd) =>
    Effect.map(
      copied(needs, (path) => Fs.writeFile(path, content(mebibytes * mebibyte)), link)(contender, sshd),
      Effect.map((time) => mebibytes * mebibyte / 1000 / time)
    )
})

export const putFile = file("put-file", "put", 256, "1.4 × Node.js, 1 × sftp -b")

export const getFile = file("get-file", "get", 256, "1.2 × Node.js, 1 × sftp -b")

const tree = (name: string, needs: "putTree" | "getTree"): Work => ({
  name,
  unit: "ms",
  better: "lower",
  goal: "2 × Node.js",
  needs,
  prepare: copied(needs, async (path) => {
    await Fs.mkdir(path)
    for (let index = 0; index < counts.tree; index++) {
      await Fs.writeFile(Path.join(path, `file-${index}`), content(small))
    }
  })
})

export const putTree = tree("put-tree", "putTree")

export const getTree = tree("get-tree", "getTree")

// == over a slow link

// The same server at another port.
const behind = (sshd: Sshd.Sshd): Effect.Effect<Sshd.Sshd, BenchError, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* slowLink(sshd.host.port ?? 22, 50)
    const knownHostsFile = Path.join(yield* directory, "known_hosts")
    yield* attempt(() => Fs.writeFile(knownHostsFile, `[${sshd.host.host}]:${port} ${sshd.hostKey}\n`))
    const { host, keyFile, username } = sshd.host
    const options = { host, port, keyFile, username, knownHostsFile, configFile: false as const }
    return { ...sshd, host: yield* Effect.mapError(RemoteHost.make(options), failed("the slow link")) }
  })

export const putSlowly = file("put-delayed", "put", 24, "", behind)

export const getSlowly = file("get-delayed", "get", 24, "", behind)
