/**
 * Finalizers that wait for the host, and that no interruption cuts short.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as finalizer from "../internal/lib/finalizer.js"

/**
 * Runs an effect in its own fiber, which an interruption of the caller's parents does not reach. If the caller is
 * interruptible, its own interruption interrupts the effect and waits for its end.
 *
 * @since 0.1.0
 * @category combinators
 */
export const apart = finalizer.apart

/**
 * Runs an effect as a finalizer, without interruption. It is abandoned after `within` (default: 5 seconds). If it fails or
 * is abandoned, `left` is logged as a warning.
 *
 * @since 0.1.0
 * @category combinators
 */
export const bounded = finalizer.bounded
