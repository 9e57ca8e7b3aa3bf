/**
 * The format of a private key, without its secret.
 */

const magic = "openssh-key-v1\0"

// The name of the cipher follows the magic bytes (PROTOCOL.key of OpenSSH).
const cipherOf = (body: string): string | undefined => {
  const bytes = Buffer.from(body, "base64")
  const at = magic.length
  if (bytes.length < at + 4 || bytes.toString("latin1", 0, at) !== magic) return undefined
  return bytes.toString("latin1", at + 4, at + 4 + Math.min(bytes.readUInt32BE(at), 64))
}

/**
 * Whether the key is encrypted with a passphrase.
 *
 * @internal
 */
export const isLocked = (text: string): boolean => {
  const [, label, body = ""] = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----\s([^-]*)/.exec(text) ?? []
  if (label === "OPENSSH PRIVATE KEY") return (cipherOf(body) ?? "none") !== "none"
  return label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: 4,ENCRYPTED/m.test(text)
}

/**
 * The text as `ssh` reads it: lines that end with a line feed, the last one too.
 *
 * @internal
 */
export const normalize = (text: string): string => `${text.trim().replace(/\r\n?/g, "\n")}\n`
