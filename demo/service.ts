import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import { createServer } from "node:http"

/** A small HTTP service on loopback, and its port: a service that only the other machine reaches. */
export const service = Effect.map(
  Layer.build(
    HttpRouter.empty.pipe(
      HttpRouter.get("/health", HttpServerResponse.json({ status: "green", nodes: 3 })),
      HttpServer.serve(),
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
    )
  ).pipe(Effect.flatMap((context) => Effect.provide(HttpServer.HttpServer, context))),
  ({ address }) => address._tag === "TcpAddress" ? address.port : 0
)
