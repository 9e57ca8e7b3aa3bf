/**
 * The call of the file system that a request is made for, as its errors name it.
 *
 * @internal
 */
export interface CallContext {
  /** The method of the platform's `FileSystem`. */
  readonly method: string
  readonly path: string
}
