import { BaseSequencer, type TestSpecification } from "vitest/node"

// The files that take longest, first: begun last, each would run alone at the end. Vitest orders by size, and most are small.
const slowest = [
  "differential.long",
  "conformanceProcess",
  "conformance.test",
  "conformanceFiles",
  "transfers.long",
  "loss.long",
  "loss.full",
  "files.long",
  "guardian",
  "differential",
  "conformanceOfBroken",
  "connection.test",
  "connectionProcess",
  "Sshd.full",
  "loginShells",
  "requests.full",
  "limits"
]

const rank = ({ moduleId }: TestSpecification): number => {
  const index = slowest.findIndex((name) => moduleId.includes(name))
  return index === -1 ? slowest.length : index
}

/** Starts the slowest files first. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    return sorted.sort((one, other) => rank(one) - rank(other))
  }
}
