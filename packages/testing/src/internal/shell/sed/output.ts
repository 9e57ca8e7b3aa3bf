/**
 * The outputs of `sed`: its stdout, files, and replaced files.
 */
import * as Effect from "effect/Effect"
import { Change, type PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as descriptor from "../descriptor.js"
import * as fileMode from "../fileMode.js"
import type * as tool from "../tool.js"
import type { Line } from "./machine.js"

/** An output of lines. A line without an end gets one if another line follows. @internal */
export class Output {
  text = ""
  private isOpen = false

  constructor(readonly separator: string) {}

  raw(text: string): void {
    if (text === "") return
    this.text += (this.isOpen ? this.separator : "") + text
    this.isOpen = false
  }

  line({ isEnded, text }: Line): void {
    this.raw(text + this.separator)
    if (isEnded) return
    this.text = this.text.slice(0, -1)
    this.isOpen = true
  }

  end(): void {
    if (this.isOpen) this.text += this.separator
    this.isOpen = false
  }

  take(): string {
    const { text } = this
    this.text = ""
    return text
  }
}

/** @internal */
export const writeFile = (self: tool.Tool, path: string, text: string): Effect.Effect<void, PosixError> =>
  Effect.scoped(
    Effect.flatMap(
      descriptor.open(self.files, self.at(path), descriptor.flagsOf(">")),
      ({ target }) => target?.write(bytes.encode(text)) ?? Effect.void
    )
  )

/** Replaces a file by a new one. With a suffix, the old file is kept under another name. @internal */
export const replace = (
  self: tool.Tool,
  path: string,
  suffix: string,
  text: string
): Effect.Effect<void, PosixError> =>
  Effect.gen(function*() {
    const base = path.slice(path.lastIndexOf("/") + 1)
    const directory = path.slice(0, path.length - base.length)
    const stat = yield* self.files.stat(self.at(path))
    const temporary = `${directory}sed${stat.ino}.new`
    yield* writeFile(self, temporary, text)
    yield* Effect.ignore(self.files.change(self.at(temporary), Change.Owner({ uid: stat.uid, gid: stat.gid })))
    yield* self.files.change(self.at(temporary), Change.Mode({ mode: stat.mode & fileMode.permissionBits }))
    if (suffix !== "") {
      const backup = suffix.includes("*") ? suffix.replaceAll("*", () => base) : `${base}${suffix}`
      yield* self.files.rename(self.at(path), self.at(backup.includes("/") ? backup : `${directory}${backup}`))
    }
    yield* self.files.rename(self.at(temporary), self.at(path))
  })
