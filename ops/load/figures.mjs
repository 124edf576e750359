// From records of requests to figures, and to tables that docs/PERFORMANCE.md can take as they are.

/**
 * What came of a phase: faults by what they were, and latencies in ms of all requests that were not refused. An error
 * counts for as long as it took.
 */
export function sumUp({ rate, seconds, records, achieved }) {
  const faults = new Map();
  const refused = records.filter((record) => record.isRefused);
  const taken = records.filter((record) => !record.isRefused);
  const failed = taken.filter((record) => record.fault);
  for (const { fault, kind } of failed) count(faults, `${kind}: ${fault}`);
  const latencies = (some) => listPercentiles(some.map((record) => record.latencyMs));
  return {
    rate,
    seconds,
    achieved,
    requests: records.length,
    failed: failed.length,
    refused: refused.length,
    unansweredPercent: (100 * (failed.length + refused.length)) / records.length,
    serverErrors: failed.filter(({ status }) => status >= 500),
    faults,
    ...latencies(taken),
    refusedP99: latencies(refused).p99,
    healthP99: latencies(records.filter((record) => record.kind === "health")).p99,
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
    [
      ...["Requests/s asked", "achieved", "Seconds", "Requests", "p50 ms", "p95 ms", "p99 ms", "Longest ms"],
      ...["Health, p99 ms", "Refused", "Refused, p99 ms", "Errors"],
    ],
    phases.map((one) => [
      ...[one.rate, one.achieved.toFixed(1), one.seconds, one.requests, ...writeLatencies(one)],
      ...[writeMs(one.healthP99), writeShare(one.refused, one), writeMs(one.refusedP99), writeShare(one.failed, one)],
    ]),
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
    rows.map((row) => [row.kind, row.own.length, ...writeLatencies(row), row.own.filter((record) => record.fault).length]),
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

function writeLatencies({ p50, p95, p99, max }) {
  return [p50, p95, p99, max].map(writeMs);
}

/** Of nothing there is no latency. */
function writeMs(value) {
  return value === undefined ? "" : value.toFixed(value < 10 ? 1 : 0);
}

function writeShare(some, { requests }) {
  return some === 0 ? "0" : `${some} (${((100 * some) / requests).toFixed(2)} %)`;
}
