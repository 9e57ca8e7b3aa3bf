import { OpenSsh } from "@effect-remote/node"
import { connection } from "../suites/connection.js"
import { servers } from "../suites/servers.js"

connection({ name: "layer", make: OpenSsh.make, layer: OpenSsh.layer, servers: servers.slice(0, 1) })
