import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"

const ssh = fileURLToPath(new URL("../../../../node_modules/.cache/openssh/forky/bin/ssh", import.meta.url))

/** The newest client that `scripts/openssh-versions.mjs` has unpacked, if it has. */
export const newestSsh: string | undefined = existsSync(ssh) ? ssh : undefined
