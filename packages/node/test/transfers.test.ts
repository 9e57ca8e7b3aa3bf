import { transfers } from "./suites/transfers.js"
import { pairings } from "./suites/transports.js"

for (const { suite } of pairings) transfers(suite)
