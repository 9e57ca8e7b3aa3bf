/** The packages that have tests, each with a `vitest.config.ts` of its own. */
export default ["packages/core", "packages/node", "packages/testing"]
