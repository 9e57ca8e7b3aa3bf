/**
 * Names of entries in a listing.
 */
export { isHidden, isPartial, partialName, partialsOf } from "../files/hiddenNames.js"

/** @internal */
export const isText = (name: string): boolean => !/\p{Surrogate}/u.test(name)

/**
 * The path of an entry, relative to the source of the transfer.
 *
 * @internal
 */
export const below = (directory: string, name: string): string => directory === "" ? name : `${directory}/${name}`
