// A rule for ESLint: `import * as` names a module as its file is named, so a reader knows where to look. The plural is allowed,
// because it leaves the singular to a value of the module. The folder may come first, because some files of different rooms
// have one name: `local/files.js` is `files` or `localFiles`.
import * as path from "node:path"

const irregular = new Map([["child", "children"]])

const pluralOf = (name) =>
  irregular.get(name) ??
    (/[^aeiou]y$/.test(name) ? name.replace(/y$/, "ies") : /(s|x|ch|sh)$/.test(name) ? `${name}es` : `${name}s`)

const capitalized = (name) => name[0].toUpperCase() + name.slice(1)

/** The names that a module may be imported by, or undefined for other packages. */
export const namesOf = (importer, specifier) => {
  const isOurs = specifier.startsWith(".") || specifier.startsWith("@effect-remote/")
  if (!isOurs) return undefined
  const file = specifier.startsWith(".") ? path.resolve(path.dirname(importer), specifier) : specifier
  const base = path.basename(file, ".js")
  const folder = path.basename(path.dirname(file))
  return [base, pluralOf(base)].flatMap((name) => [name, `${folder}${capitalized(name)}`])
}

export const rule = {
  meta: { type: "suggestion", schema: [] },
  create: (context) => ({
    ImportNamespaceSpecifier: (node) => {
      const names = namesOf(context.filename, node.parent.source.value)
      if (names !== undefined && !names.includes(node.local.name)) {
        context.report({ node, message: `name this module as its file: ${names.slice(0, 3).join(", ")}` })
      }
    }
  })
}
