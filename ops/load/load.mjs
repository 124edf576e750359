// A constant rate for minutes, then a ramp to ten times as much; prints what it saw and fails when a target is missed.
import { drive } from "./generator.mjs";
import { printFaults, printKinds, printPhases, sumUp } from "./figures.mjs";
import { settings } from "./settings.mjs";
import { openStreams, start } from "./start.mjs";

/** Live pages that everybody has open beside. */
const STREAMS_EACH = 2;

const { client, watch, people, mix } = await start();
const streams = await openStreams(client, people, STREAMS_EACH);
const before = await watch.look();
const stopLooking = watch.keepLooking(2_000);
const sustained = await drive(client, mix, settings);
const looks = await stopLooking();
const phases = [sumUp(sustained)];
const peak = watch.readPeak();
for (const rate of settings.ramp) {
  phases.push(sumUp(await drive(client, mix, { rate, seconds: settings.rampSeconds })));
}
const after = await watch.look();

console.log();
printPhases(phases);
console.log(`By kind, at ${settings.rate}/s:\n`);
printKinds(sustained.records);
const connections = Math.max(...looks.map((look) => look.database));
console.log(
  `Memory of the server: ${mb(before.rss)} before, ${mb(peak)} at most while ${settings.rate}/s, ${mb(watch.readPeak())} at most in all, ${mb(after.rss)} after.`,
);
console.log(`Connections to PostgreSQL: ${connections} at most while ${settings.rate}/s. Event streams: ${streams.length}.`);
console.log(`Requests left at most ${phases[0].lateP99.toFixed(1)} ms late (p99), which counts as latency.`);
for (const phase of phases) printFaults(phase);

const faults = findMissed(phases[0]);
const cut = streams.filter((stream) => !stream.isOpen).length;
if (cut > 0) faults.push(`${cut} event streams of ${streams.length} were cut`);
for (const phase of phases.slice(1)) faults.push(...findOverloaded(phase, phases));
for (const stream of streams) stream.close();
await client.close();
for (const fault of faults) console.error(`MISSED: ${fault}`);
if (faults.length === 0) console.log("Every target is met.");
process.exit(faults.length > 0 ? 1 : 0);

function findMissed({ p95, p99, unansweredPercent, achieved, rate, seconds }) {
  const missed = [];
  if (p95 >= settings.p95_ms) missed.push(`p95 is ${p95.toFixed(0)} ms, not below ${settings.p95_ms}`);
  if (p99 >= settings.p99_ms) missed.push(`p99 is ${p99.toFixed(0)} ms, not below ${settings.p99_ms}`);
  if (unansweredPercent >= settings.errorsPercent)
    missed.push(`${unansweredPercent.toFixed(2)} % of the answers are wrong or refusals, not below ${settings.errorsPercent} %`);
  if (achieved < 0.99 * rate) missed.push(`${achieved.toFixed(1)} right answers a second for ${seconds} s, not ${rate}`);
  return missed;
}

/** More may be asked than can be answered. But what is answered is answered in time, and about as much as at a lower rate. */
function findOverloaded({ rate, achieved, p95, healthP99, failed, requests, serverErrors }, phases) {
  const missed = [];
  if (serverErrors.length > 0)
    missed.push(`${serverErrors.length} requests were answered with ${serverErrors[0].status} or the like`);
  if ((100 * failed) / requests >= settings.errorsPercent) missed.push(`${failed} of ${requests} answers are wrong`);
  if (p95 >= settings.rampP95_ms) missed.push(`p95 is ${p95.toFixed(0)} ms, not below ${settings.rampP95_ms}`);
  if (healthP99 >= settings.rampHealth_ms)
    missed.push(`health checks took ${healthP99.toFixed(0)} ms (p99), not below ${settings.rampHealth_ms}`);
  const lower = phases.filter((phase) => phase.rate < rate).map((phase) => phase.achieved);
  const kept = settings.rampKept * Math.max(0, ...lower);
  if (achieved < kept) missed.push(`${achieved.toFixed(1)} right answers a second, not ${kept.toFixed(0)}`);
  return missed.map((sentence) => `at ${rate}/s, ${sentence}`);
}

function mb(value) {
  return `${value.toFixed(0)} MB`;
}
