// From a search to the shelf: the whole way of one book, as a person sees it.
import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type Page, request } from "@playwright/test";
import { expect, facts, open, test } from "../support/world";

test.describe.configure({ mode: "serial" });

const { sandbox } = facts;
const STATES = ["Queued", "Sent to client", "Downloading", "Downloaded", "Verifying", "Importing", "In the library"];

/** All files below a folder. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What the page's own badge said, each state once, in order; kept by the page itself so that none is missed. */
async function recordStates(page: Page) {
  await page.evaluate(() => {
    const states: string[] = [];
    Object.assign(window, { seenStates: states, isSamePage: true });
    const look = () => {
      const word = document.querySelector(".page-head .badge")?.textContent?.trim();
      if (word && states.at(-1) !== word) states.push(word);
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

test("a search shows how each indexer did, each release with its verdict, and why some were rejected", async ({ page }) => {
  await open(page, "/search");
  await page.getByLabel("Title").fill("Dune Messiah");
  await page.getByLabel("Author").fill("Frank Herbert");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Dune Messiah" })).toBeVisible();
  // Fills itself while the indexers answer.
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
  await expect(page.locator(".search-sentence")).toContainText("4 of 6 releases can be grabbed; the best is");

  const indexer = (name: string) => page.locator(".service").filter({ hasText: name });
  await expect(indexer("MyAnonamouse (sandbox)")).toContainText("5 releases.");
  await expect(indexer("Prowlarr (sandbox)")).toContainText("1 release.");
  await expect(indexer("Lantern (sandbox)")).toContainText("Nothing found");
  await indexer("MyAnonamouse (sandbox)").getByText("What was asked").click();
  await expect(indexer("MyAnonamouse (sandbox)").locator("li")).toContainText(["Dune Messiah"]);

  const candidates = page.locator(".candidate");
  const best = candidates.first();
  await expect(best).toHaveAttribute("data-choice", "");
  await expect(best.locator(".verdict")).toContainText(/Same work .*Scott Brick.*unabridged, 128 kbit\/s/);
  await best.locator(".ranking summary").click();
  await expect(best.locator(".ranking li")).toContainText(["same title and author", "unabridged", "128 kbit/s: ideal"]);

  const abridged = candidates.filter({ hasText: "Connor Hale" });
  await expect(abridged).toBeHidden();
  await page.getByText("2 releases were rejected").click();
  await expect(abridged.locator(".finding")).toHaveText("Abridged; an unabridged release was found.");
  await expect(candidates.filter({ hasText: "QuickRead Notes" }).locator(".finding").first()).toContainText("Another title");
  // What is rejected is grabbed only after a question.
  await abridged.getByText("Grab anyway…").click();
  await expect(abridged).toContainText("the history says so");
});

test("the best release is grabbed, and its page follows it to the library", async ({ page }) => {
  test.slow();
  await open(page, "/search?title=Dune+Messiah&author=Frank+Herbert");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
  await page.locator(".candidate[data-choice]").getByRole("button", { name: "Grab" }).click();
  await expect(page).toHaveURL(/\/downloads\//);
  await recordStates(page);

  const link = page.getByRole("link", { name: "Open the book" });
  await expect(link).toBeVisible({ timeout: 90_000 });
  await expect(page.locator(".page-head .badge")).toHaveText("In the library");
  // Nothing was loaded anew: the page followed by itself, and states came in the order of life.
  const { seen, isSame } = await page.evaluate(() => {
    const kept = window as unknown as { seenStates: string[]; isSamePage?: boolean };
    return { seen: kept.seenStates, isSame: kept.isSamePage };
  });
  expect(isSame).toBe(true);
  expect(seen.length).toBeGreaterThan(1);
  const order = seen.map((state) => STATES.indexOf(state));
  expect(order, seen.join(", ")).toEqual([...order].sort((a, b) => a - b));
  expect(order).not.toContain(-1);

  const history = page.locator(".event");
  for (const state of ["Queued", "Sent to client", "Downloaded", "Verifying", "Importing", "In the library"]) {
    await expect(history.filter({ has: page.locator(".badge", { hasText: new RegExp(`^${state}$`) }) }).first(), state).toBeVisible();
  }
  await expect(page.locator(".files .path").filter({ hasText: "Dune Messiah" }).first()).toBeVisible();
  await expect(page.locator(".files")).toContainText("hardlink of");

  await link.click();
  await expect(page.getByRole("heading", { level: 1, name: "Dune Messiah" })).toBeVisible();
  await expect(page.getByRole("link", { name: "How it got here" })).toHaveAttribute("href", /^\/downloads\//);
  await page.goto("/library?q=dune+messiah");
  await expect(page.locator(".book-card")).toHaveCount(1);
});

test("the file in the library is the torrent's own, which seeds on", async () => {
  const arrived = listFiles(sandbox.library_path).filter((file) => file.includes("Dune Messiah") && file.endsWith(".m4b"));
  expect(arrived).toHaveLength(1);
  const inode = statSync(arrived[0]).ino;
  const payload = listFiles(sandbox.downloads_path).filter((file) => statSync(file).ino === inode);
  expect(payload, "the payload of the torrent is the same file").toHaveLength(1);

  const client = await request.newContext({ baseURL: sandbox.qbittorrent.url, extraHTTPHeaders: { Referer: sandbox.qbittorrent.url } });
  const { username, password } = sandbox.qbittorrent;
  await client.post("/api/v2/auth/login", { form: { username, password } });
  const torrents: { content_path: string; progress: number; state: string }[] = await (await client.get("/api/v2/torrents/info")).json();
  const torrent = torrents.find(({ content_path }) => payload[0].startsWith(content_path));
  expect(torrent, basename(payload[0])).toMatchObject({ progress: 1 });
  expect(torrent?.state).toMatch(/^(uploading|stalledUP|queuedUP|forcedUP)$/);
  await client.dispose();
});

test("the first page shows what came in, and the list of downloads has it", async ({ page }) => {
  await page.goto("/");
  const arrived = page.locator(".section").filter({ has: page.getByRole("heading", { name: "New in the library" }) });
  await expect(arrived.locator(".book-title").first()).toHaveText("Dune Messiah");
  await page.goto("/downloads?show=finished");
  const download = page.locator(".row").filter({ hasText: "Dune Messiah" });
  await expect(download.locator(".badge")).toHaveText("In the library");
});

test("what is owned now is not grabbed a second time without a word", async ({ page }) => {
  await open(page, "/search?title=Dune+Messiah&author=Frank+Herbert");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
  await expect(page.locator(".candidate[data-choice]")).toHaveCount(0);
  await page.getByText(/releases were rejected/).click();
  await expect(page.locator(".candidate").first().locator(".finding").first()).toContainText(/library|own/i);
});

test("a page follows what happens while what one typed and unfolded stays", async ({ context, page }) => {
  test.slow();
  await open(page, "/search?title=Children+of+Dune&author=Frank+Herbert");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
  await page.getByText("Change the search").click();
  const title = page.locator(".search-again").getByLabel("Title");
  await title.fill("Children of Dune, and some more");
  await page.evaluate(() => Object.assign(window, { isSamePage: true }));

  const other = await context.newPage();
  await open(other, page.url());
  await other.locator(".candidate[data-choice]").getByRole("button", { name: "Grab" }).click();
  await expect(other).toHaveURL(/\/downloads\//);
  const events = other.locator(".event");
  const before = await events.count();
  await recordStates(other);
  const cancel = other.locator(".confirm").filter({ hasText: "Cancel…" });
  await cancel.locator("summary").click();

  // The search says by itself that its release was grabbed.
  await expect(page.getByRole("link", { name: "Grabbed: see the download" })).toBeVisible();
  await expect(title).toBeVisible();
  await expect(title).toHaveValue("Children of Dune, and some more");
  await expect(title).toBeFocused();
  expect(await page.evaluate(() => "isSamePage" in window)).toBe(true);

  // So does the download what became of it; the question stays open for as long as it can be asked.
  await expect.poll(() => events.count(), { timeout: 60_000 }).toBeGreaterThan(before);
  expect(await cancel.evaluateAll((questions) => questions.every((question) => (question as HTMLDetailsElement).open))).toBe(true);
  await expect(other.getByRole("link", { name: "Open the book" })).toBeVisible({ timeout: 90_000 });
  expect(await other.evaluate(() => "isSamePage" in window)).toBe(true);
});

test("a pack of which no split is certain shows its books and waits for a word", async ({ page }) => {
  test.slow();
  await open(page, "/search");
  await page.getByLabel("Title").fill("Rogue Protocol");
  await page.getByLabel("Author").fill("Martha Wells");
  await page.getByText("Series, narrator and more").click();
  await page.getByLabel("Series", { exact: true }).fill("The Murderbot Diaries");
  await page.getByLabel("Number in the series").fill("3");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
  await page.getByText(/release was rejected|releases were rejected/).click();
  const pack = page.locator(".candidate").filter({ hasText: "The Murderbot Diaries" }).first();
  await pack.getByText("Grab anyway…").click();
  await pack.getByRole("button", { name: "Grab" }).click({ timeout: 10_000 });
  await expect(page).toHaveURL(/\/downloads\//);

  // Two of its books are in the library; the wanted one comes on the person's word although it is, too.
  const split = page.getByRole("button", { name: "Import as 1 book" });
  await expect(split).toBeVisible({ timeout: 60_000 });
  await expect(page.locator(".download-sentence")).toContainText("pack of 3 books");
  const parts = page.locator("section").filter({ has: page.getByRole("heading", { name: "Books in it" }) }).locator("li");
  await expect(parts).toHaveCount(3);
  await expect(parts.filter({ hasText: "Skipped" })).toHaveCount(2);
  await expect(parts.filter({ hasText: "Rogue Protocol" })).toContainText("Wanted");
  await split.click();
  await expect(page.locator(".page-head .badge")).toHaveText("In the library", { timeout: 60_000 });
  await expect(parts.getByRole("link")).toHaveText(["Rogue Protocol"]);
});
