/**
 * @since 0.1.0
 */
export * as Fault from "./Fault.js"

/**
 * @since 0.1.0
 */
export * as HostCommand from "./HostCommand.js"

/**
 * @since 0.1.0
 */
export * as HostEvent from "./HostEvent.js"

/**
 * @since 0.1.0
 */
export * as HostService from "./HostService.js"

/**
 * @since 0.1.0
 */
export * as InMemoryHost from "./InMemoryHost.js"

/**
 * @since 0.1.0
 */
export * as Sshd from "./Sshd.js"
