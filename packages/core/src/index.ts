/**
 * @since 0.1.0
 */
export * as Format from "./Format.js"

/**
 * @since 0.1.0
 */
export * as LocalFiles from "./LocalFiles.js"

/**
 * @since 0.1.0
 */
export * as LocalHash from "./LocalHash.js"

/**
 * @since 0.1.0
 */
export * as LocalMachine from "./LocalMachine.js"

/**
 * @since 0.1.0
 */
export * as LocalNetwork from "./LocalNetwork.js"

/**
 * @since 0.1.0
 */
export * as LocalStdio from "./LocalStdio.js"

/**
 * @since 0.1.0
 */
export * as RemoteCommand from "./RemoteCommand.js"

/**
 * @since 0.1.0
 */
export * as RemoteContext from "./RemoteContext.js"

/**
 * @since 0.1.0
 */
export * as RemoteError from "./RemoteError.js"

/**
 * @since 0.1.0
 */
export * as RemoteFileSystem from "./RemoteFileSystem.js"

/**
 * @since 0.1.0
 */
export * as RemoteHost from "./RemoteHost.js"

/**
 * @since 0.1.0
 */
export * as RemoteProcess from "./RemoteProcess.js"

/**
 * @since 0.1.0
 */
export * as RemoteTarget from "./RemoteTarget.js"

/**
 * @since 0.1.0
 */
export * as Transfer from "./Transfer.js"

/**
 * @since 0.1.0
 */
export * as Transport from "./Transport.js"

/**
 * @since 0.1.0
 */
export * as Tunnel from "./Tunnel.js"

export {
  /**
   * @since 0.1.0
   */
  sh
} from "./RemoteCommand.js"
