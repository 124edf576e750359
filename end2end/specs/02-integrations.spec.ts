// The outside services: what is connected, how each is, and what goes wrong.
import { type Page } from "@playwright/test";
import { expect, facts, open, row, test } from "../support/world";

test.describe.configure({ mode: "serial" });

const { sandbox } = facts;
const KINDS = [
  { name: "Audiobookshelf (sandbox)", says: /Audiobookshelf 2\.36\.0 answers/ },
  { name: "qBittorrent (sandbox)", says: /Logged in to qBittorrent v/ },
  { name: "MyAnonamouse (sandbox)", says: /Signed in as sandbox_mouse/ },
  { name: "Prowlarr (sandbox)", says: /Prowlarr answers with 2 torrent indexers/ },
  { name: "Lantern (sandbox)", says: /Lantern answers/ },
];

/** Opens the empty form of a kind by the choice at the foot of the list. */
async function connect(page: Page, kind: string) {
  await open(page, "/integrations");
  await page.locator(".choice").filter({ hasText: new RegExp(`^${kind}`) }).click();
  await expect(page.getByRole("heading", { level: 1, name: `Connect ${kind}` })).toBeVisible();
}

async function save(page: Page) {
  await page.getByRole("button", { name: "Save" }).click();
}

async function deleteRow(page: Page, name: string) {
  await row(page, name).getByText("Delete…").click();
  await expect(row(page, name)).toContainText("is forgotten with its secret");
  await row(page, name).getByRole("button", { name: "Delete", exact: true }).click();
  await expect(row(page, name)).toHaveCount(0);
}

/** Requests that the stand-in of the site refused so far: those with a session that is none. The jobs' own have a good one. */
async function countRefusedMouseRequests(): Promise<number> {
  const { journal } = await (await fetch(`${sandbox.control.url}/control/state`)).json();
  return journal.requests.filter(({ service, status }: { service: string; status: number }) => service === "mam" && status === 403).length;
}

test("what is connected is listed with its health, and said to be a stand-in", async ({ page }) => {
  await page.goto("/integrations");
  await expect(page.locator(".sandbox-banner")).toContainText("stand-ins");
  for (const { name } of KINDS) {
    await expect(row(page, name).locator(".tag-sandbox")).toHaveText("Sandbox stand-in");
    await expect(row(page, name).locator(".badge")).toHaveText("Works");
  }
  await expect(page.locator(".rows > .row")).toHaveCount(KINDS.length);
});

for (const { name, says } of KINDS) {
  test(`the test of ${name} says what it found`, async ({ page }) => {
    await open(page, "/integrations");
    const before = await row(page, name).locator("time").getAttribute("datetime");
    await row(page, name).getByRole("button", { name: "Test" }).click();
    await expect(row(page, name).locator("time")).not.toHaveAttribute("datetime", before ?? "");
    await expect(row(page, name)).toContainText(says);
    await expect(row(page, name).locator(".badge")).toHaveText("Works");
  });
}

test("a wrong password is explained, and no secret ever stands in a page", async ({ page }) => {
  await open(page, "/integrations");
  await row(page, "qBittorrent (sandbox)").getByRole("link", { name: "Edit" }).click();
  const secret = page.getByLabel("Password or API key");
  await expect(secret).toHaveValue("");
  await expect(page.getByText("One is stored. Leave empty to keep it.")).toBeVisible();
  expect(await page.content()).not.toContain(sandbox.qbittorrent.password);

  await secret.fill("wrong-password-here");
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.locator(".test-outcome")).toContainText(/qBittorrent.*(password|refused)/i);
  // A test keeps nothing: the stored password still works.
  await secret.fill("");
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.locator(".test-outcome")).toContainText("Logged in to qBittorrent");
  for (const path of ["/integrations", "/settings", "/"]) {
    await page.goto(path);
    const html = await page.content();
    for (const value of [sandbox.qbittorrent.password, sandbox.prowlarr.api_key, sandbox.audiobookshelf.api_key, sandbox.torznab.api_key]) {
      expect(html).not.toContain(value);
    }
  }
});

test("a saved wrong password shows as failing, and a right one mends it", async ({ page }) => {
  const name = "qBittorrent (sandbox)";
  const replace = async (password: string) => {
    await open(page, "/integrations");
    await row(page, name).getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("Password or API key").fill(password);
    await save(page);
    await expect(page).toHaveURL(`${facts.url}/integrations`);
    await row(page, name).getByRole("button", { name: "Test" }).click();
  };
  await replace("wrong-password-here");
  await expect(row(page, name).locator(".badge")).toHaveText("Fails");
  await expect(row(page, name).locator(".row-sentence")).toContainText(/password|refused/i);
  await replace(sandbox.qbittorrent.password);
  await expect(row(page, name).locator(".badge")).toHaveText("Works");
});

test("a form with mistakes names each field", async ({ page }) => {
  await connect(page, "Torznab");
  await page.getByLabel("Name").fill("Broken");
  await page.getByLabel("Address").fill("ftp://127.0.0.1/feed");
  await save(page);
  await expect(page.locator(".field-error")).toContainText(/http/);
  await page.getByLabel("Address").fill(sandbox.torznab.url);
  await page.getByLabel("Categories").fill("3030, books");
  await save(page);
  await expect(page.locator(".field-error")).toHaveText('"books" is no number. Write 3030, 3040.');
  await expect(page.getByLabel("Name")).toHaveValue("Broken");
});

test("a second feed is added, tested, switched off and on, and deleted after a question", async ({ page }) => {
  await connect(page, "Torznab");
  await page.getByLabel("Name").fill("Second lantern");
  await page.getByLabel("Address").fill(sandbox.torznab.url);
  await page.getByLabel("API key").fill("not-the-key");
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.locator(".test-outcome")).toContainText(/key/i);
  await page.getByLabel("API key").fill(sandbox.torznab.api_key);
  await page.getByLabel("Order").fill("40");
  await save(page);

  const feed = row(page, "Second lantern");
  await expect(feed).toBeVisible();
  await expect(feed.locator(".tag-sandbox")).toHaveCount(0);
  await feed.getByRole("button", { name: "Test" }).click();
  await expect(feed.locator(".badge")).toHaveText("Works");
  await feed.getByRole("button", { name: "Switch off" }).click();
  await expect(feed.locator(".badge")).toHaveText("Switched off");
  await feed.getByRole("button", { name: "Switch on" }).click();
  await expect(feed.locator(".badge")).toHaveText("Works");
  await deleteRow(page, "Second lantern");
});

test("each other kind is connected from scratch by its own form", async ({ page }) => {
  test.slow();
  const forms: Record<string, Record<string, string>> = {
    Audiobookshelf: { Address: sandbox.audiobookshelf.url, "API key": sandbox.audiobookshelf.api_key },
    qBittorrent: {
      Address: sandbox.qbittorrent.url,
      "User name": sandbox.qbittorrent.username,
      "Password or API key": sandbox.qbittorrent.password,
      Category: "by-hand",
      "Save path": sandbox.qbittorrent.save_path,
    },
    Prowlarr: { Address: sandbox.prowlarr.url, "API key": sandbox.prowlarr.api_key, Indexers: "1" },
  };
  for (const [kind, fields] of Object.entries(forms)) {
    const name = `${kind} by hand`;
    await connect(page, kind);
    await page.getByLabel("Name", { exact: true }).fill(name);
    for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
    await page.getByRole("button", { name: "Test" }).click();
    await expect(page.locator(".test-outcome .notice"), kind).toHaveClass(/tone-(good|warning)/);
    // Off: what the other specs do goes through the sandbox's own.
    await page.getByLabel("Switched on").uncheck();
    await save(page);
    await expect(row(page, name).locator(".badge")).toHaveText("Switched off");
    await deleteRow(page, name);
  }
});

test("nothing is asked of MyAnonamouse before its rules are accepted", async ({ complaints, page }) => {
  complaints.expect(/status of 422 .*\/sfn\/test_integration>$/);
  await connect(page, "MyAnonamouse");
  await page.getByLabel("Name", { exact: true }).fill("Mouse by hand");
  await page.getByLabel("Address", { exact: true }).fill(sandbox.myanonamouse.url);
  await page.getByLabel("Session (mam_id)").fill("made-up-session");
  const asked = await countRefusedMouseRequests();
  await page.getByRole("button", { name: "Test" }).click();
  await expect(page.locator(".test-outcome, .field-error").filter({ hasText: /rules/i }).first()).toBeVisible();
  expect(await countRefusedMouseRequests()).toBe(asked);

  // Afterwards it is asked, and refuses a session that is none.
  await page.getByLabel("I have read the site's rules").check();
  await page.getByRole("button", { name: "Test" }).click();
  await expect.poll(countRefusedMouseRequests).toBeGreaterThan(asked);
});
