// From records of requests to figures, and to tables that docs/PERFORMANCE.md can take as they are.

/** What came of a phase: latencies in ms, faults by what they were. */
export function sumUp({ rate, seconds, records, achieved }) {
  const faults = new Map();
  for (const { fault, kind } of records) if (fault) count(faults, `${kind}: ${fault}`);
  const failed = records.filter((record) => record.fault);
  return {
    rate,
    seconds,
    achieved,
    requests: records.length,
    failed: failed.length,
    errorsPercent: (100 * failed.length) / records.length,
    serverErrors: failed.filter(({ status }) => status >= 500),
    faults,
    ...listPercentiles(records.map((record) => record.latencyMs)),
    lateP99: listPercentiles(records.map((record) => record.lateMs)).p99,
  };
}

function count(counts, name) {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function listPercentiles(values) {
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** A line a phase. */
export function printPhases(phases) {
  printTable(
    ["Requests/s asked", "achieved", "Seconds", "Requests", "p50 ms", "p95 ms", "p99 ms", "Longest ms", "Errors"],
    phases.map((one) => [one.rate, one.achieved.toFixed(1), one.seconds, one.requests, ...latencies(one), writeErrors(one)]),
  );
}

/** A line a kind of request, the slowest first. */
export function printKinds(records) {
  const kinds = new Map();
  for (const record of records) {
    if (!kinds.has(record.kind)) kinds.set(record.kind, []);
    kinds.get(record.kind).push(record);
  }
  const rows = [...kinds].map(([kind, own]) => ({ kind, own, ...listPercentiles(own.map((record) => record.latencyMs)) }));
  rows.sort((left, right) => right.p95 - left.p95);
  printTable(
    ["Kind of request", "Requests", "p50 ms", "p95 ms", "p99 ms", "Longest ms", "Errors"],
    rows.map((row) => [row.kind, row.own.length, ...latencies(row), row.own.filter((record) => record.fault).length]),
  );
}

/** The faults that there were, the most frequent first. */
export function printFaults({ faults, rate }) {
  const sorted = [...faults].sort((left, right) => right[1] - left[1]).slice(0, 10);
  for (const [fault, times] of sorted) console.log(`  at ${rate}/s, ${times} times: ${fault}`);
}

export function printTable(head, rows) {
  const cells = [head, head.map(() => "---"), ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) {
    const padded = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])));
    console.log(`| ${padded.join(" | ")} |`);
  }
  console.log();
}

export function findMedian(values) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
}

function latencies({ p50, p95, p99, max }) {
  return [p50, p95, p99, max].map((value) => value.toFixed(value < 10 ? 1 : 0));
}

function writeErrors({ failed, errorsPercent }) {
  return failed === 0 ? "0" : `${failed} (${errorsPercent.toFixed(2)} %)`;
}
