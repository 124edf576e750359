// The same program below a path of its host, behind a proxy with another program beside it.
import { type ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Page } from "@playwright/test";
import { startProxy } from "../support/proxy";
import { end, freePort, root, run, until } from "../support/start";
import { admin, expect, facts, openContext, row, test } from "../support/world";

test.describe.configure({ mode: "serial" });

const path = "/mamcrawler";
let folder: string;
let server: ChildProcess;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let url: string;

test.beforeAll(async () => {
  test.setTimeout(120_000);
  folder = mkdtempSync(join(tmpdir(), "mamcrawler-below-"));
  chmodSync(folder, 0o755);
  const port = await freePort();
  server = run(folder, "mamcrawler", ["serve"], {
    MAMCRAWLER_LISTEN: `127.0.0.1:${port}`,
    MAMCRAWLER_BASE_PATH: path,
    MAMCRAWLER_DATA_DIR: join(folder, "server"),
    MAMCRAWLER_SITE_ROOT: join(root, "target/site"),
  });
  await until("the server is ready", server, async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok, 60);
  proxy = await startProxy(path, port);
  url = proxy.origin + path;
});

test.afterAll(async () => {
  proxy?.stop();
  if (server) await end(server);
  rmSync(folder, { recursive: true, force: true });
});

/** Everything that a page asks for is below the path. */
function watch(page: Page) {
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) expect.soft(request.url(), "what is asked for").toContain(`${url}/`);
  });
}

async function signIn(page: Page) {
  await page.goto(`${url}/login`);
  await page.getByLabel("User name").fill(admin.username);
  await page.getByLabel("Password").fill(admin.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
  await expect(page).toHaveURL(`${url}/`);
}

test("the first start leads to the set-up, which signs in", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  watch(page);
  await page.goto(`${url}/library`);
  await expect(page).toHaveURL(`${url}/setup`);
  const token = /setup token: ([\w-]+)/.exec(readFileSync(join(folder, "mamcrawler.log"), "utf8"))?.[1] ?? "";
  await page.getByLabel("Setup token").fill(token);
  await page.getByLabel("User name").fill(admin.username);
  await page.getByLabel("Password").fill(admin.password);
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page).toHaveURL(`${url}/integrations`);
  const cookies = await context.cookies();
  expect(cookies.map((cookie) => cookie.path)).toEqual([path, path]);
  await context.close();
});

test("with scripts, forms, islands and live pages work below the path", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  watch(page);
  await signIn(page);
  const places = page.getByRole("navigation", { name: "Main" }).first();
  await expect(places.getByRole("link", { name: "Home" })).toHaveAttribute("aria-current", "page");
  await places.getByRole("link", { name: "Integrations" }).click();
  await page.locator(".choice").filter({ hasText: /^Torznab/ }).click();
  await page.getByLabel("Name").fill("Lantern");
  await page.getByLabel("Address").fill(facts.sandbox.torznab.url);
  await page.getByLabel("API key").fill("not-the-key");
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.locator(".test-outcome")).toContainText(/key/i);
  await page.getByLabel("API key").fill(facts.sandbox.torznab.api_key);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(`${url}/integrations`);
  await expect(row(page, "Lantern")).toBeVisible();

  const stream = page.waitForRequest((request) => request.url().startsWith(`${url}/events`));
  await page.goto(`${url}/jobs`);
  await stream;
  await row(page, "Check the integrations").first().getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(new RegExp(`^${url}/runs/`));
  // It moves by itself: nothing here loads the page again.
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
  await expect(page.getByRole("status").filter({ hasText: "connection" })).toHaveCount(0);
  await context.close();
});

test("without scripts, signing in, a form and its complaint stay below the path", async ({ browser }) => {
  const context = await openContext(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  watch(page);
  await page.goto(`${url}/library`);
  await expect(page).toHaveURL(`${url}/login`);
  await signIn(page);
  await page.goto(`${url}/search`);
  await page.getByLabel("Title").fill("   ");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("alert")).toContainText(/title/i);
  expect(page.url()).toContain(`${url}/search?`);
  await page.goto(`${url}/account`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(`${url}/login`);
  await context.close();
});
