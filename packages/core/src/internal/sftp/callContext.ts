/**
 * The call of the file system that sends a request. Its errors name the method and the path.
 *
 * @internal
 */
export interface CallContext {
  /** The method of the platform's `FileSystem`. */
  readonly method: string
  /** The path of the request. */
  readonly path: string
  /** The path that the caller named, if the path of the request is its hidden file. Errors name the target. */
  readonly target?: string | undefined
  /** How the caller can write a file that cannot be replaced, for messages. */
  readonly inPlace?: string | undefined
  /** The step of the method that the request is. */
  readonly step?: string | undefined
}
