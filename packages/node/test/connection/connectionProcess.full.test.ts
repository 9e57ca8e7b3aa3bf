import { OpenSsh } from "@effect-remote/node"
import { connection } from "../suites/connection.js"
import { servers } from "../suites/servers.js"

// The one logs in as the other does, whatever server it is.
connection({ name: "layerProcess", make: OpenSsh.makeProcess, layer: OpenSsh.layerProcess, servers })
