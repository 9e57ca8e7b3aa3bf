import { conforms, halves } from "./suites/conformance.js"

conforms({ oneConnection: true, parts: halves.others })
