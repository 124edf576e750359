// Removes the programs of earlier builds from a warm target directory: `cargo llvm-cov report` counts the lines of every
// program there, so that what an earlier commit held would count as lines that nothing ran.
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const [folder, messages] = process.argv.slice(2);
// The program beside `deps` is a hard link to the one in it.
const current = new Set(
  readFileSync(messages, "utf8")
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line).executable)
    .filter(Boolean)
    .map((program) => statSync(program).ino),
);
if (current.size === 0) throw new Error("cargo named no program");
for (const name of readdirSync(folder)) {
  const path = join(folder, name);
  const stat = statSync(path);
  const isProgram = stat.isFile() && !name.includes(".") && (stat.mode & 0o111) !== 0;
  if (isProgram && !current.has(stat.ino)) rmSync(path);
}
