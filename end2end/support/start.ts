// Starts the sandbox and the server for the specs, and ends both (and only them) afterwards.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
/** The checkout. */
export const root = resolve(here, "../..");
const binaries = process.env.MAMCRAWLER_TARGET ?? join(root, "target/debug");

export default async function start() {
  const folder = mkdtempSync(join(tmpdir(), "mamcrawler-e2e-"));
  // Started by root, the server's PostgreSQL runs as somebody else, who has to get in.
  chmodSync(folder, 0o755);
  const children: ChildProcess[] = [];
  const stop = async () => {
    for (const child of children.reverse()) await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const print = join(folder, "sandbox.json");
    children.push(run(folder, "sandbox", ["serve", "--dir", join(folder, "sandbox"), "--print", print], {}));
    await until("the sandbox is ready", children[0], async () => existsSync(print) && readFileSync(print).length > 0, 150);

    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    children.push(
      run(folder, "mamcrawler", ["serve"], {
        MAMCRAWLER_LISTEN: `127.0.0.1:${port}`,
        MAMCRAWLER_DATA_DIR: join(folder, "server"),
        MAMCRAWLER_SITE_ROOT: join(root, "target/site"),
        MAMCRAWLER_PROVISION: join(folder, "sandbox/provision.toml"),
        MAMCRAWLER_MAM_SPACING_MS: "100",
        MAMCRAWLER_POLL_ACTIVE_MS: "1000",
        // All specs come from one address and act as a few people, one after the other without a rest.
        MAMCRAWLER_RATE_PUBLIC: "1000/min",
        MAMCRAWLER_RATE_DOWNLOAD: "1000/h",
        MAMCRAWLER_RATE_SEARCH: "1000/min",
        MAMCRAWLER_RATE_PAGE: "6000/min",
        MAMCRAWLER_RATE_ADDRESS: "60000/min",
        MAMCRAWLER_CONNECTIONS_PER_ADDRESS: "4096",
        MAMCRAWLER_EVENT_STREAMS: "200",
      }),
    );
    await until("the server is ready", children[1], async () => (await fetch(`${url}/health/ready`)).ok, 60);
    const log = readFileSync(join(folder, "mamcrawler.log"), "utf8");
    const token = /setup token: ([\w-]+)/.exec(log)?.[1];
    if (!token) throw new Error("the server's log shows no setup token");
    const facts = { url, token, sandbox: JSON.parse(readFileSync(print, "utf8")), log: join(folder, "mamcrawler.log") };
    const file = join(folder, "facts.json");
    writeFileSync(file, JSON.stringify(facts));
    process.env.MAMCRAWLER_E2E = file;
    return stop;
  } catch (error) {
    for (const name of ["sandbox", "mamcrawler"]) {
      const log = join(folder, `${name}.log`);
      if (existsSync(log)) console.error(`${name}:\n${readFileSync(log, "utf8").slice(0, 6000)}`);
    }
    await stop();
    throw error;
  }
}

/** Starts a program of ours, whose log is in the folder. */
export function run(folder: string, name: string, words: string[], environment: Record<string, string>): ChildProcess {
  const log = openSync(join(folder, `${name}.log`), "a");
  // Only our own settings: the server refuses names that it does not know, such as that of the binaries' folder.
  const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith("MAMCRAWLER_"));
  const env = { ...Object.fromEntries(inherited), ...environment };
  return spawn(join(binaries, name), words, { env, stdio: ["ignore", log, log] });
}

/** Ends it, at last by force. */
export async function end(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await ended;
  clearTimeout(late);
}

/** Waits until it holds while the program runs. */
export async function until(what: string, child: ChildProcess, check: () => Promise<boolean>, seconds: number) {
  for (let tries = 0; tries < seconds * 5; tries++) {
    if (child.exitCode !== null) throw new Error(`it ended before ${what}`);
    if (await check().catch(() => false)) return;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().once("error", fail);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (typeof address === "object" && address ? done(address.port) : fail(new Error("no port"))));
    });
  });
}
