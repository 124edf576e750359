// What the server holds while it runs: memory, threads, open files, connections.
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A server's process and its embedded database. */
export class Watch {
  constructor({ pid, port, socketDir }) {
    Object.assign(this, { pid, port, socketDir });
    this.started = this.findStart();
  }

  /** One look. Throws when it is not the process that was there at first. */
  async look() {
    const began = this.findStart();
    if (began === undefined || began !== this.started) throw new Error("The server's process is gone.");
    return {
      at: performance.now(),
      rss: this.readMemory("VmRSS"),
      threads: this.readStatus("Threads"),
      files: readdirSync(`/proc/${this.pid}/fd`).length,
      sockets: this.countSockets(),
      database: await this.countDatabaseConnections(),
    };
  }

  /** The most memory that it ever had, in MB. */
  readPeak() {
    return this.readMemory("VmHWM");
  }

  /** Looks every so many milliseconds until the function that this gives is called, which gives everything seen. */
  keepLooking(everyMs) {
    const [looks, told] = [[], new AbortController()];
    const done = (async () => {
      while (!told.signal.aborted) {
        looks.push(await this.look());
        await sleep(everyMs, undefined, { signal: told.signal }).catch(() => {});
      }
      looks.push(await this.look());
      return looks;
    })();
    // Whoever stops it hears of a failure; until then it is nobody's.
    done.catch(() => {});
    return () => {
      told.abort();
      return done;
    };
  }

  /** When it started; nothing when it has ended. */
  findStart() {
    try {
      const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      return fields[0] === "Z" ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }

  readStatus(name) {
    return Number(readFileSync(`/proc/${this.pid}/status`, "utf8").match(new RegExp(`${name}:\\s+(\\d+)`))[1]);
  }

  readMemory(name) {
    return this.readStatus(name) / 1024;
  }

  /** Connections of clients that are open. */
  countSockets() {
    const own = this.port.toString(16).toUpperCase().padStart(4, "0");
    const established = (line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return local?.endsWith(`:${own}`) && state === "01";
    };
    return readFileSync(`/proc/${this.pid}/net/tcp`, "utf8").split("\n").filter(established).length;
  }

  async countDatabaseConnections() {
    const query = `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
    const options = ["--no-psqlrc", "-qAt", "-h", this.socketDir, "-U", "postgres", "-c", query, "mamcrawler"];
    return Number((await run("psql", options)).stdout);
  }
}
