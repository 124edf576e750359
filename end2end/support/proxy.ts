// A reverse proxy on the loopback that has one program below a path, and another one beside it.
import { type IncomingMessage, type Server, type ServerResponse, createServer, request } from "node:http";

/** Hands on what is below the path, as it is; everything else is the other program's. */
export async function startProxy(path: string, port: number): Promise<{ origin: string; stop: () => void }> {
  const server: Server = createServer((asked, answer) => {
    if (asked.url?.startsWith(`${path}/`)) handOn(port, asked, answer);
    else answer.writeHead(418).end("another program");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the proxy has no port");
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://127.0.0.1:${address.port}`, stop };
}

function handOn(port: number, asked: IncomingMessage, answer: ServerResponse) {
  const { method, url, headers } = asked;
  const onward = request({ host: "127.0.0.1", port, method, path: url, headers }, (answered) => {
    answer.writeHead(answered.statusCode ?? 502, answered.headers);
    answered.pipe(answer);
  });
  onward.on("error", () => answer.destroy());
  answer.on("close", () => onward.destroy());
  asked.pipe(onward);
}
