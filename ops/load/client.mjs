// Asks the server as a browser or a program does, over connections that stay open.
import { createRequire } from "node:module";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

const { Agent } = createRequire(new URL("../../end2end/package.json", import.meta.url))("undici");

// Below the server's limit for one address, 256, as event streams come from there too.
const CONNECTIONS = 160;
const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync };

/** A server at an address, and the ways to it. */
export class Client {
  constructor(address) {
    this.address = address;
    this.agent = new Agent({ connections: CONNECTIONS, pipelining: 1 });
    // Each stream is a connection of its own, and is silent for long.
    this.streams = new Agent({ pipelining: 1, bodyTimeout: 0 });
  }

  /** The whole answer: its status, headers and bytes as they came. */
  async send({ method = "GET", path, headers = {}, body }, signal) {
    const answer = await this.agent.request({
      origin: this.address,
      method,
      path,
      body,
      signal,
      headers: { "accept-encoding": "gzip, br", ...headers },
    });
    return { status: answer.statusCode, headers: answer.headers, bytes: Buffer.from(await answer.body.arrayBuffer()) };
  }

  /** What a call of the API answers with, which has to be a success. */
  async call(method, path, { access, body } = {}) {
    const headers = { ...(access && { authorization: `Bearer ${access}` }), ...(body && { "content-type": "application/json" }) };
    const answer = await this.send({ method, path: `/api/v1/${path}`, headers, body: body && JSON.stringify(body) });
    const text = readText(answer);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** An event stream that is open and being read: `closed` is settled when it ends, `close` leaves it. */
  async openStream(person) {
    const leave = new AbortController();
    const headers = { cookie: person.cookie, accept: "text/event-stream" };
    const answer = await this.streams.request({
      origin: this.address,
      path: "/events",
      method: "GET",
      headers,
      signal: leave.signal,
    });
    const stream = { status: answer.statusCode, bytes: 0, isOpen: true, close: () => leave.abort() };
    stream.closed = (async () => {
      try {
        for await (const part of answer.body) stream.bytes += part.length;
      } catch {
        // Left by us, or cut off: either way it has ended.
      }
      stream.isOpen = false;
    })();
    return stream;
  }

  async close() {
    await Promise.all([this.agent.destroy(), this.streams.destroy()]);
  }
}

/** The text of an answer, unpacked. */
export function readText({ headers, bytes }) {
  const decode = DECODERS[headers["content-encoding"]];
  return (decode ? decode(bytes) : bytes).toString();
}
