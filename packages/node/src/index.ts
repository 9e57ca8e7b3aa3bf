/**
 * @since 0.1.0
 */
export * as NodeMachine from "./NodeMachine.js"

/**
 * @since 0.1.0
 */
export * as OpenSsh from "./OpenSsh.js"

/**
 * @since 0.1.0
 */
export * as TransferProgress from "./TransferProgress.js"
