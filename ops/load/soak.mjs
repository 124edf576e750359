// Hours in short: a modest rate with everything that comes and goes beside it. Fails when memory, open files or connections
// grow, when the server's process is another one in the end, or when it does not stop as it should.
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { drive } from "./generator.mjs";
import { findMedian, printFaults, printPhases, printTable, sumUp } from "./figures.mjs";
import { signIn } from "./people.mjs";
import { settings } from "./settings.mjs";
import { openStreams, start } from "./start.mjs";

const LOOKS = 60;
const ROWS = 12;
/** The last third may have so much more memory than the third before it, which comes after warming up. */
const MORE_MEMORY = { share: 0.02, mb: settings.soakMoreMb };
/** And so many more open files and threads; they come and go with connections. */
const MORE_FILES = 40;
/** The pool, one that hears of changes, one that hears of jobs, one that keeps the jobs' leases. */
const DATABASE_CONNECTIONS = 16 + 3;
/** What of the connections that are all closed may be there yet. */
const LEFT_FILES = 10;
/** `TimeoutStopSec` of the systemd unit, `stop_grace_period` of the containers. */
const STOP_WITHIN_MS = 30_000;
const STREAMS_MOST = 24;
/** Jobs that a person starts; "already queued" is an answer too. */
const JOBS = ["clean_up", "check_imports", "retry_due", "poll_clients", "check_integrations", "snapshot_account"];

const { client, watch, people, chance, mix } = await start();
const before = await watch.look();
const streams = await openStreams(client, people, 1);
const counts = {
  "event streams opened": 0,
  "event streams dropped": 0,
  "sign-ins and sign-outs": 0,
  "jobs started": 0,
  "requests left early": 0,
  "connections dropped": 0,
};
const faults = [];
const refused = [];

let isOn = true;
const comings = [
  repeat(1_000, changeStreams),
  repeat(3_000, comeAndGo),
  repeat(5_000, runJob),
  repeat(200, leaveEarly),
  repeat(700, dropConnection),
];
const stopLooking = watch.keepLooking((settings.soakSeconds * 1000) / LOOKS);
const phase = sumUp(await drive(client, mix, { rate: settings.soakRate, seconds: settings.soakSeconds }));
isOn = false;
await Promise.all(comings);
const looks = await stopLooking();

judgeGrowth(looks);
if (phase.unansweredPercent >= settings.errorsPercent)
  faults.push(`${phase.failed} of ${phase.requests} answers were wrong, and ${phase.refused} requests were refused`);
faults.push(...refused);
await judgeRest();
await judgeStop();

printLooks(looks);
printPhases([phase]);
printFaults(phase);
console.log(
  `Beside it: ${Object.entries(counts)
    .map(([what, times]) => `${times} ${what}`)
    .join(", ")}.`,
);
for (const fault of faults) console.error(`MISSED: ${fault}`);
if (faults.length === 0) console.log("Nothing grew, and the server stopped as it should.");
process.exit(faults.length > 0 ? 1 : 0);

/** Does it again and again, with chance in the pauses. What it did not expect fails the run. */
async function repeat(aboutMs, act) {
  const end = performance.now() + settings.soakSeconds * 1000;
  for (;;) {
    const pause = aboutMs * (0.5 + Math.random());
    if (!isOn || performance.now() + pause > end) return;
    await sleep(pause);
    await act().catch((error) => refused.push(`${act.name}: ${error.message}`));
  }
}

async function changeStreams() {
  const stream = await client.openStream(people.pick(chance));
  if (stream.status !== 200) throw new Error(`an event stream was answered with ${stream.status}`);
  counts["event streams opened"] += 1;
  streams.push(stream);
  if (streams.length <= STREAMS_MOST) return;
  const [oldest] = streams.splice(0, 1);
  if (!oldest.isOpen) throw new Error("an event stream was cut");
  oldest.close();
  counts["event streams dropped"] += 1;
}

async function comeAndGo() {
  const { access } = await signIn(client, people.pick(chance).username);
  await client.call("GET", "auth/me", { access });
  await client.call("POST", "auth/logout", { access });
  counts["sign-ins and sign-outs"] += 1;
}

async function runJob() {
  const { access } = people.pick(chance, "admin");
  const path = `/api/v1/jobs/${chance.pick(JOBS)}/runs`;
  const { status } = await client.send({ method: "POST", path, headers: { authorization: `Bearer ${access}` } });
  if (status !== 201 && status !== 409) throw new Error(`a job was answered with ${status}`);
  counts["jobs started"] += 1;
}

/** A page that somebody leaves while it is being made. */
async function leaveEarly() {
  const leave = new AbortController();
  const asked = client.send({ path: "/library", headers: { cookie: people.pick(chance).cookie } }, leave.signal);
  setTimeout(() => leave.abort(), Math.random() * 60);
  await asked.catch(() => (counts["requests left early"] += 1));
}

/** A connection that ends in the middle of a request. */
async function dropConnection() {
  const socket = connect(watch.port, "127.0.0.1");
  socket.on("error", () => {});
  await new Promise((done) => socket.once("connect", done).once("close", done));
  socket.write("POST /api/v1/wants HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n\r\n{");
  await sleep(Math.random() * 100);
  socket.destroy();
  counts["connections dropped"] += 1;
}

function judgeGrowth(looks) {
  const third = Math.floor(looks.length / 3);
  const [warm, last] = [looks.slice(third, 2 * third), looks.slice(-third)];
  const compare = (name) => [warm, last].map((part) => findMedian(part.map((look) => look[name])));
  const [memory, then] = compare("rss");
  if (then > memory * (1 + MORE_MEMORY.share) + MORE_MEMORY.mb)
    faults.push(`memory grew from ${memory.toFixed(0)} to ${then.toFixed(0)} MB`);
  for (const name of ["files", "threads"]) {
    const [earlier, later] = compare(name);
    if (later > earlier + MORE_FILES) faults.push(`${name} grew from ${earlier} to ${later}`);
  }
  const most = Math.max(...looks.map((look) => look.database));
  if (most > DATABASE_CONNECTIONS)
    faults.push(`${most} connections to PostgreSQL, and ${DATABASE_CONNECTIONS} are all that it should have`);
}

/** When everybody has gone, their connections and files have to be gone as well. */
async function judgeRest() {
  const path = "/health/ready";
  streams.push(await client.openStream(people.pick(chance)));
  const { status } = await client.send({ path });
  if (status !== 200) faults.push(`${path} says ${status} in the end`);
  for (const stream of streams) stream.close();
  await client.agent.close();
  let look;
  for (let tries = 0; tries < 100; tries += 1) {
    look = await watch.look();
    if (look.sockets === 0 && look.files <= before.files + LEFT_FILES) return;
    await sleep(300);
  }
  faults.push(
    `all have gone, and ${look.sockets} connections and ${look.files} files are open; ${before.files} files were at first`,
  );
}

/** Asked to stop, with a page open that would stay open for ever. */
async function judgeStop() {
  const page = await client.openStream(people.pick(chance));
  const began = performance.now();
  process.kill(watch.pid, "SIGTERM");
  while (watch.findStart() === watch.started && performance.now() - began < STOP_WITHIN_MS) await sleep(20);
  const took = performance.now() - began;
  if (took >= STOP_WITHIN_MS) faults.push(`it did not stop in ${STOP_WITHIN_MS / 1000} s`);
  else console.log(`Stopped ${(took / 1000).toFixed(1)} s after SIGTERM, with a live page open.\n`);
  page.close();
}

function printLooks(looks) {
  const every = Math.max(1, Math.floor(looks.length / ROWS));
  const shown = looks.filter((_, place) => place % every === 0 || place === looks.length - 1);
  printTable(
    ["Seconds", "Memory MB", "Threads", "Open files", "Clients' connections", "PostgreSQL's connections"],
    shown.map((look) => [
      ((look.at - looks[0].at) / 1000).toFixed(0),
      look.rss.toFixed(0),
      look.threads,
      look.files,
      look.sockets,
      look.database,
    ]),
  );
}
