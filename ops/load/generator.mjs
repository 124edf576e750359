// Sends requests at a constant rate, whether or not answers come ("open model").
//
// A request is due at its place in the schedule, and its latency counts from there: one that had to wait because the server,
// or this program, was slow counts as slow.
import { setTimeout as sleep } from "node:timers/promises";
import { settings } from "./settings.mjs";

/** A request that has no answer by then has failed. */
const DEADLINE_MS = 10_000;
/** An answer counts for the rate when it came so long after the last request was due: as long as one may take. */
const GRACE_MS = Math.max(500, settings.p99_ms);

/** Sends what `mix` says, `rate` times a second. Gives one record a request. */
export async function drive(client, mix, { rate, seconds }) {
  const total = Math.round(rate * seconds);
  const records = [];
  const open = new Set();
  const began = performance.now();
  for (let sent = 0; sent < total;) {
    const elapsed = performance.now() - began;
    for (; sent < total && (sent * 1000) / rate <= elapsed; sent += 1) {
      const asked = ask(client, mix, began + (sent * 1000) / rate).then((record) => records.push(record));
      open.add(asked);
      asked.finally(() => open.delete(asked));
    }
    await sleep(1);
  }
  await Promise.all(open);
  const until = began + (total * 1000) / rate + GRACE_MS;
  const right = records.filter((record) => !record.fault && record.ended <= until).length;
  return { rate, seconds, records, achieved: right / seconds };
}

/** What an overloaded server may say instead of an answer: not now, and when. */
function isRefusal({ status, headers }) {
  return status === 503 && headers["retry-after"] !== undefined;
}

/** Sends one request and looks whether its answer is right. */
async function ask(client, mix, due) {
  const request = mix.next();
  const started = performance.now();
  const record = { kind: request.kind, lateMs: started - due };
  try {
    const answer = await client.send(request, AbortSignal.timeout(Math.max(1, Math.ceil(DEADLINE_MS - record.lateMs))));
    record.ended = performance.now();
    record.status = answer.status;
    record.isRefused = isRefusal(answer);
    record.fault = mix.findFault(request, answer);
  } catch (error) {
    record.ended = performance.now();
    record.fault = error.name === "TimeoutError" ? `no answer in ${DEADLINE_MS / 1000} s` : `${error.code ?? error.message}`;
  }
  record.latencyMs = record.ended - due;
  return record;
}
