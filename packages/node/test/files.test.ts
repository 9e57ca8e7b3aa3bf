import { atomicWrites } from "./suites/atomicWrites.js"
import { files } from "./suites/files.js"
import { likeNode } from "./suites/likeNode.js"
import { pairings } from "./suites/transports.js"
import { walking } from "./suites/walking.js"

for (const { oneConnection, suite } of pairings) {
  files(suite)
  atomicWrites(suite)
  // What files do is the server's, not the transport's.
  if (oneConnection) likeNode(suite)
  walking(suite)
}
