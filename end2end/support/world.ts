// What the specs share: where the server and its stand-ins are, and who is signed in.
import { readFileSync } from "node:fs";
import { type Browser, type BrowserContext, type Locator, type Page, expect, request, test as base } from "@playwright/test";
import { Complaints } from "./complaints";

interface Facts {
  url: string;
  token: string;
  log: string;
  sandbox: {
    audiobookshelf: { url: string; api_key: string; items: number; library_id: string };
    control: { url: string };
    myanonamouse: { url: string };
    oidc: { issuer: string; client_id: string; client_secret: string };
    prowlarr: { url: string; api_key: string };
    qbittorrent: { url: string; username: string; password: string; save_path: string };
    torznab: { url: string; api_key: string };
    library_path: string;
    downloads_path: string;
  };
}

export const facts: Facts = JSON.parse(readFileSync(process.env.MAMCRAWLER_E2E ?? "", "utf8"));
export const admin = { username: "anna", password: "correct horse battery" };
export const reader = { username: "ben", password: "staple gun and paper" };

/** Signs in by the form and ends on the first page. */
export async function signIn(page: Page, who: { username: string; password: string }) {
  await page.goto(`${facts.url}/login`);
  await page.getByLabel("User name").fill(who.username);
  await page.getByLabel("Password").fill(who.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
}

/** Makes the admin when a spec runs alone, and answers with cookies of a fresh sign-in. */
async function openSession() {
  const api = await request.newContext({ baseURL: facts.url });
  const { is_needed } = await (await api.get("/api/v1/setup")).json();
  const answer = is_needed
    ? await api.post("/api/v1/setup", { data: { token: facts.token, ...admin } })
    : await api.post("/api/v1/auth/login", { data: admin });
  expect(answer.ok(), await answer.text()).toBe(true);
  const tokens = await answer.json();
  await api.dispose();
  const cookie = (name: string, value: string) => ({ name, value, url: facts.url, httpOnly: true });
  return [cookie("mamcrawler_access", tokens.access_token), cookie("mamcrawler_refresh", tokens.refresh_token)];
}

interface OfTest {
  complaints: Complaints;
}

interface OfWorker {
  session: Awaited<ReturnType<typeof openSession>>;
  listener: Complaints;
}

/** Contexts of the admin; `page` is theirs too. No page of any context may complain of what its test did not expect. */
export const test = base.extend<OfTest, OfWorker>({
  session: [async ({}, use) => use(await openSession()), { scope: "worker" }],
  listener: [async ({}, use) => use(new Complaints()), { scope: "worker" }],
  // The one way to a context, that of the fixture `context` included.
  browser: [
    async ({ browser, listener }, use) => {
      const openUnheard = browser.newContext.bind(browser);
      browser.newContext = async (options) => {
        const context = await openUnheard(options);
        await listener.listen(context);
        return context;
      };
      await use(browser);
    },
    { scope: "worker" },
  ],
  // Set up before the test's contexts, thus ended after they are closed.
  complaints: [
    async ({ listener }, use) => {
      await use(listener);
      expect(listener.lookThrough(), "complaints of the browser").toEqual([]);
    },
    { auto: true },
  ],
  baseURL: facts.url,
  context: async ({ context, session }, use) => {
    await context.addCookies(session);
    await use(context);
  },
});

/** A context of nobody, or of somebody who signs in by the form. */
export async function openContext(browser: Browser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<BrowserContext> {
  return browser.newContext({ baseURL: facts.url, ...options });
}

/** Opens a page and waits until its script runs, which then opens the stream of changes. */
export async function open(page: Page, path: string) {
  const stream = page.waitForRequest((request) => new URL(request.url()).pathname === "/events");
  await page.goto(path);
  await stream;
}

/** Opens a page that stands alone, which has no such stream, and waits until its script runs. */
export async function openAlone(page: Page, path: string) {
  // The script drops from the address what a form complained of.
  await page.goto(`${path}?__path=none&__err=none`);
  await expect(page).toHaveURL(`${facts.url}${path}`);
}

/** The first sync begins when the sandbox is connected; most specs need it to have ended. */
export async function untilSynced() {
  const api = await request.newContext({ baseURL: facts.url, storageState: { cookies: [], origins: [] } });
  const cookies = (await openSession()).map((cookie) => `${cookie.name}=${cookie.value}`).join("; ");
  const countBooks = async () => {
    const page = await (await api.get("/library", { headers: { cookie: cookies } })).text();
    return Number(/([\d,]+) books/.exec(page)?.[1]?.replace(",", ""));
  };
  // Later specs import more.
  await expect.poll(countBooks).toBeGreaterThanOrEqual(facts.sandbox.audiobookshelf.items);
  await api.dispose();
}

/** The row of a list that holds this link or title. */
export function row(page: Page, title: string): Locator {
  return page.locator(".rows > .row").filter({ has: page.locator(".row-title").getByText(title, { exact: true }) });
}

/** How far the page is wider than the window. */
export async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

export { expect };
