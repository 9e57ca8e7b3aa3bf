/**
 * @since 0.1.0
 */
export * as Sshd from "./Sshd.js"
