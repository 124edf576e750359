// Prints covered lines by crate from `cargo llvm-cov report --json`, and fails below the floors.
import { readFileSync } from "node:fs";

const FLOORS = { domain: 90, whole: 80 };

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const root = `${process.cwd()}/`;
const crates = new Map();
for (const file of report.data[0].files) {
  // A warm target directory also holds the programs of earlier clones elsewhere, which nothing ran.
  if (!file.filename.startsWith(root)) continue;
  const path = file.filename.slice(root.length);
  // What only tests use is not the product.
  if (/(^|\/)(tests|examples|benches)\/|^crates\/(testing|fuzz-checks)|^end2end|^xtask/.test(path)) continue;
  const crate = path.replace(/^crates\//, "").split("/")[0];
  for (const name of [crate, "whole"]) {
    const sum = crates.get(name) ?? { lines: 0, covered: 0 };
    sum.lines += file.summary.lines.count;
    sum.covered += file.summary.lines.covered;
    crates.set(name, sum);
  }
}

let isBelow = false;
for (const [name, { lines, covered }] of [...crates].sort()) {
  const percent = lines === 0 ? 0 : (100 * covered) / lines;
  const floor = FLOORS[name];
  const note = floor ? ` (floor ${floor} %)` : "";
  console.log(`coverage ${name}: ${percent.toFixed(1)} % of ${lines} lines${note}`);
  if (floor && percent < floor) isBelow = true;
}
if (!crates.has("domain")) throw new Error("the report holds no file of domain");
if (isBelow) {
  console.error("coverage is below a floor");
  process.exit(1);
}
