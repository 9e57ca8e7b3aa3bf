/** The packages that have tests, each with a `vitest.config.ts` of its own, and the examples. */
export default ["packages/core", "packages/node", "packages/testing", "examples"]
