/**
 * The effects of faults on one SFTP request.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Effect from "effect/Effect"
import * as Fault from "../../Fault.js"
import { HostEvent } from "../../HostEvent.js"
import { PosixError } from "../sftp/sftpFileSystem.js"
import type { Around } from "../sftp/sftpServer.js"
import type { OfOperation } from "./activeFaults.js"
import type { Connection } from "./connection.js"
import type { Journal } from "./journal.js"

type Answer = Parameters<Around>[2]

/** @internal */
export interface Operation {
  readonly journal: Journal
  readonly connection: Connection
  /** Replaces the next reply with garbage. */
  readonly breakNext: () => void
  readonly request: Sftp.Request
  readonly path: string | undefined
}

const record = ({ journal, path, request }: Operation, response: Sftp.Response): void =>
  journal.add(HostEvent.Operation({
    operation: request._tag,
    path,
    status: response._tag === "Status" ? response.code : 0
  }))

const failed = Sftp.Response.Status({ code: Sftp.StatusCode.failure, message: "" })

/**
 * Answers a request, and records the status of the answer.
 *
 * @internal
 */
export const recorded = (self: Operation, answer: Answer): Answer =>
  answer.pipe(
    Effect.tapErrorTag("PosixError", () => Effect.sync(() => record(self, failed))),
    Effect.tap((response) => Effect.sync(() => record(self, response)))
  )

/**
 * Applies a fault to a request. `answer` is the answer without any fault, `recorded` the one with the faults so far.
 *
 * @internal
 */
export const apply = (self: Operation, fault: OfOperation, answer: Answer, recorded: Answer): Answer => {
  switch (fault._tag) {
    case "FailOperation": {
      const response = Sftp.Response.Status({ code: fault.status, message: "a fault of this test" })
      record(self, response)
      // A file whose closing went wrong is closed.
      return self.request._tag === "Close" ? Effect.as(Effect.ignore(answer), response) : Effect.succeed(response)
    }
    case "BreakReply":
      return Effect.tap(recorded, () => Effect.sync(self.breakNext))
    case "DropAtOperation": {
      const drop = self.connection.drop(`${Fault.show(fault)} (a fault of this test)`)
      return fault.isDone ? Effect.tap(recorded, () => drop) : Effect.zipRight(drop, new PosixError({ errno: "EIO" }))
    }
  }
}
