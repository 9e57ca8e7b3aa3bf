/**
 * Work that ends with a scope, and scopes below another one.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as scopes from "../internal/lib/scopes.js"

/**
 * Forks an effect that runs until its end, or until the scope closes. It is interruptible even if the caller is not, because
 * otherwise the scope could not close.
 *
 * @since 0.1.0
 * @category combinators
 */
export const forkInterruptible = scopes.forkInterruptible

/**
 * Runs an effect in a new scope below `parent`. If the effect fails, the scope closes at once. Otherwise it closes with
 * `close`, or with its parent.
 *
 * @since 0.1.0
 * @category combinators
 */
export const own = scopes.own
