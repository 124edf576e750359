// A program's way through the main job, by a client whose types are generated from the API's document (`npm run client`).
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type Candidate = components["schemas"]["Candidate"];
type Download = components["schemas"]["DownloadDetail"];

/** A client of the server at this address. */
export function openClient(url: string, token: string) {
  return createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });
}

type Client = ReturnType<typeof openClient>;

/** An API key with the rights of a manager, made with a person's name and password. */
export async function makeKey(url: string, person: { username: string; password: string }): Promise<string> {
  const signedIn = must(await openClient(url, "").POST("/api/v1/auth/login", { body: person }));
  const body = { name: `client ${Date.now()}`, scope: "manage" as const, expires_in_days: 1 };
  return must(await openClient(url, signedIn.access_token).POST("/api/v1/keys", { body })).secret;
}

/** The best release that can be grabbed. */
export async function findRelease(client: Client, title: string, author: string): Promise<Candidate> {
  const body = { title, author };
  const { id } = must(await client.POST("/api/v1/searches", { body }));
  const search = await until(async () => {
    const search = must(await client.GET("/api/v1/searches/{id}", { params: { path: { id } } }));
    return search.status === "running" ? undefined : search;
  });
  const best = search.candidates.find((candidate) => candidate.verdict.decision === "accepted");
  if (!best) throw new Error(search.sentence);
  return best;
}

/** Grabs it twice, as a program does that got no answer, and follows the one download to its end. */
export async function grabOnce(client: Client, candidate: Candidate): Promise<Download> {
  const grab = () =>
    client.POST("/api/v1/downloads", {
      params: { header: { "Idempotency-Key": `grab-${candidate.id}` } },
      body: { candidate_id: candidate.id, is_forced: false },
    });
  const { id } = must(await grab());
  if (must(await grab()).id !== id) throw new Error("the repeated grab made another download");
  return until(async () => {
    const download = must(await client.GET("/api/v1/downloads/{id}", { params: { path: { id } } }));
    return ["imported", "failed", "cancelled"].includes(download.summary.state) ? download : undefined;
  });
}

/** Titles of the library's books that have these words. */
export async function listTitles(client: Client, text: string): Promise<string[]> {
  const page = must(await client.GET("/api/v1/books", { params: { query: { text, sort: "title" } } }));
  return page.items.map((book) => book.title);
}

function must<T>({ data, error }: { data?: T; error?: components["schemas"]["ErrorEnvelope"] }): T {
  if (data === undefined) throw new Error(`${error?.code}: ${error?.message}`);
  return data;
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
