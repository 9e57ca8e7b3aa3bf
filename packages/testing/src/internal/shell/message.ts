import type { Errno } from "../sftp/sftpFileSystem.js"

const messages: Readonly<Record<Errno, string>> = {
  EACCES: "Permission denied",
  EBADF: "Bad file descriptor",
  EBUSY: "Device or resource busy",
  EDQUOT: "Disk quota exceeded",
  EEXIST: "File exists",
  EFAULT: "Bad address",
  EFBIG: "File too large",
  EINVAL: "Invalid argument",
  EIO: "Input/output error",
  EISDIR: "Is a directory",
  ELOOP: "Too many levels of symbolic links",
  EMFILE: "Too many open files",
  EMLINK: "Too many links",
  ENAMETOOLONG: "File name too long",
  ENFILE: "Too many open files in system",
  ENODEV: "No such device",
  ENOENT: "No such file or directory",
  ENOMEM: "Cannot allocate memory",
  ENOSPC: "No space left on device",
  ENOSYS: "Function not implemented",
  ENOTDIR: "Not a directory",
  ENOTEMPTY: "Directory not empty",
  ENXIO: "No such device or address",
  EOPNOTSUPP: "Operation not supported",
  EPERM: "Operation not permitted",
  EROFS: "Read-only file system",
  ESPIPE: "Illegal seek",
  ESTALE: "Stale file handle",
  ETXTBSY: "Text file busy",
  EXDEV: "Invalid cross-device link"
}

/**
 * The C library's message for an error.
 *
 * @internal
 */
export const of = ({ errno }: { readonly errno: Errno }): string => messages[errno]

/**
 * A name as GNU's tools quote it in messages.
 *
 * @internal
 */
export const quote = (name: string): string => {
  if (!/[^ -~]/.test(name)) {
    return name.includes("'") && !/["$`\\]/.test(name)
      ? `"${name}"`
      : `'${name.replace(/'/g, "'\\''")}'`
  }
  const escapes: Readonly<Record<string, string>> = { "\n": "\\n", "\t": "\\t", "\r": "\\r" }
  // as GNU's tools do if a quote comes before an unprintable character
  const doubled = /^[ -&(-~]*'/.test(name) ? "''" : ""
  return doubled + name.split(/([^ -~]+)/).map((part, index) => {
    if (index % 2 === 0) {
      const quoted = `'${part.replace(/'/g, "'\\''")}'`
      return index === 0 ? quoted : part === "" ? "" : quoted.replace(/^''/, "")
    }
    const escaped = [...part].map((one) => escapes[one] ?? `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`)
    return `$'${escaped.join("")}'`
  }).join("")
}

/** Quotes a text that is not a name, as GNU's tools do: with the escapes of C. @internal */
export const quoteText = (text: string): string =>
  `'${
    text.replace(/['\\]/g, "\\$&").replace(/[^ -~]/g, (one) =>
      ({ "\n": "\\n", "\t": "\\t", "\r": "\\r" })[one] ?? `\\${one.charCodeAt(0).toString(8).padStart(3, "0")}`)
  }'`

/** Quotes a name only if necessary, as some of GNU's tools do. @internal */
export const quoteIfNeeded = (name: string): string =>
  name === "" || /[^A-Za-z0-9_%+,./:=@^~-]/.test(name) || name.includes("~") && name.startsWith("~")
    ? quote(name)
    : name
