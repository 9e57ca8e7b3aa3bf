/**
 * The call of the file system that sends a request. Its errors name the method and the path.
 *
 * @internal
 */
export interface CallContext {
  /** The method of the platform's `FileSystem`. */
  readonly method: string
  readonly path: string
}
