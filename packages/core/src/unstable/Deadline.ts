/**
 * The time limit for one conversation with a host.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as deadline from "../internal/lib/deadline.js"

/**
 * Limits an effect to the host's `connectTimeout`, also in finalizers. Fails with a `RemoteConnectionError` with reason
 * `TimedOut`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const within = deadline.within
