import { conforms } from "./suites/conformance.js"

conforms({ oneConnection: false })
