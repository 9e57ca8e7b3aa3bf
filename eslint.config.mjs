import effect from "@effect/eslint-plugin"
import js from "@eslint/js"
import { defineConfig } from "eslint/config"
import tseslint from "typescript-eslint"
import * as namespaces from "./scripts/eslint-namespaces.mjs"

const unused = {
  args: "all",
  argsIgnorePattern: "^_",
  varsIgnorePattern: "^_",
  caughtErrorsIgnorePattern: "^_",
  destructuredArrayIgnorePattern: "^_",
  ignoreRestSiblings: true
}

const nodeGlobals = ["Buffer", "URL", "clearTimeout", "console", "process", "setTimeout"]

export default defineConfig(
  { ignores: ["**/dist/", "**/coverage/"] },
  {
    files: ["**/*.{ts,mjs}"],
    extends: [js.configs.recommended],
    plugins: { "@effect": effect },
    languageOptions: { globals: Object.fromEntries(nodeGlobals.map((name) => [name, "readonly"])) },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      // names and streams of bytes hold control characters
      "no-control-regex": "off",
      "no-duplicate-imports": ["error", { allowSeparateTypeImports: true }],
      "no-restricted-syntax": ["error", {
        selector: "CallExpression[callee.property.name='push'] > SpreadElement.arguments",
        message: "push(...xs) overflows the stack when xs is long"
      }],
      "no-unused-vars": ["error", unused],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          operatorPosition: "maintain",
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          "arrowFunction.useParentheses": "force"
        }
      }]
    }
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strict, tseslint.configs.stylistic],
    plugins: { local: { rules: { "namespace-names": namespaces.rule } } },
    rules: {
      "@typescript-eslint/array-type": ["error", { default: "generic", readonly: "generic" }],
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-empty-function": "off",
      // a tagged enum's member without fields is {}
      "@typescript-eslint/no-empty-object-type": "off",
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/no-invalid-void-type": "off",
      // an index that was checked is written with "!"
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-namespace": ["error", { allowDeclarations: true }],
      "@typescript-eslint/no-unused-vars": ["error", unused],
      "local/namespace-names": "error",
      // dual APIs are overloads whose order matters
      "@typescript-eslint/unified-signatures": "off"
    }
  },
  {
    files: ["**/*.test.ts"],
    ignores: ["**/*.{full,long}.test.ts"],
    rules: {
      "no-restricted-properties": ["error", {
        object: "vi",
        property: "mock",
        message: "the files of `npm test` share their modules: use it in a .full.test.ts file"
      }]
    }
  },
  {
    files: ["packages/*/src/**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "no-console": "error",
      "@effect/no-import-from-barrel-package": ["error", {
        packageNames: ["effect", "@effect/platform", "@effect/platform-node", "@effect-remote/core"]
      }],
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }]
    }
  }
)
