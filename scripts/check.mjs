// All static checks: the types first (they also build what others read), then the rest, two at a time.
// After a failure nothing more is started.
import { spawn } from "node:child_process"
import { performance } from "node:perf_hooks"

const run = (step) =>
  new Promise((resolve) => {
    const start = performance.now()
    const output = []
    const child = spawn("npm", ["run", "--silent", step], { stdio: ["ignore", "pipe", "pipe"] })
    child.stdout.on("data", (bytes) => output.push(bytes))
    child.stderr.on("data", (bytes) => output.push(bytes))
    child.on("close", (code) => {
      const seconds = ((performance.now() - start) / 1000).toFixed(1)
      console.log(`${code === 0 ? "✓" : "✗"} ${step} (${seconds} s)`)
      if (code !== 0) {
        console.log(Buffer.concat(output).toString())
        process.exitCode = 1
        queue.length = 0
      }
      resolve()
    })
  })

const queue = [
  "lint",
  "check:effect",
  "check:docs",
  "check:packages",
  "check:cycles",
  "check:rooms",
  "check:prose",
  "check:changesets"
]

const work = async () => {
  for (let step = queue.shift(); step !== undefined; step = queue.shift()) await run(step)
}

await run("check:types")
await Promise.all([work(), work()])
