/**
 * Waits of finalizers that no interruption cuts short.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as finalizer from "../internal/lib/finalizer.js"

/**
 * Runs an effect in a fiber that no interruption of the caller's parents reaches. If the caller is interruptible, its own
 * interruption interrupts the effect and waits for its end.
 *
 * @since 0.1.0
 * @category combinators
 */
export const apart = finalizer.apart

/**
 * Does the work of a finalizer that waits for the host. No interruption reaches it. After `within` (default: 5 seconds) it is
 * abandoned. `left` is logged as a warning if it fails or is abandoned.
 *
 * @since 0.1.0
 * @category combinators
 */
export const bounded = finalizer.bounded
