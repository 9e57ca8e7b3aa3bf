/**
 * Single files and directories.
 */
import { cases } from "./cases.js"
import * as contents from "./files/contents.js"
import * as directories from "./files/directories.js"
import * as errors from "./files/errors.js"
import * as lesserServers from "./files/lesserServers.js"
import * as paths from "./files/paths.js"
import * as refusals from "./files/refusals.js"
import * as specialFiles from "./files/specialFiles.js"

/** @internal */
export const files = cases(
  "files",
  paths.tildes,
  paths.fileNames,
  paths.questions,
  contents.handles,
  contents.concurrency,
  contents.copies,
  contents.targets,
  directories.directories,
  refusals.numbers,
  refusals.mistakes,
  errors.messages,
  lesserServers.lesserServers,
  specialFiles.specialFiles
)
