// Wants: somebody asks, a manager approves, and it arrives by itself.
import { type Page, request } from "@playwright/test";
import { admin, expect, facts, open, openContext, reader, row, signIn, test } from "../support/world";

test.describe.configure({ mode: "serial" });

/** The reader exists already unless this spec runs alone. */
test.beforeAll(async () => {
  const api = await request.newContext({ baseURL: facts.url });
  const { access_token } = await (await api.post("/api/v1/auth/login", { data: admin })).json();
  const known = await api.post("/api/v1/auth/login", { data: reader });
  if (!known.ok()) {
    const headers = { authorization: `Bearer ${access_token}`, accept: "application/json" };
    await api.post("/sfn/create_user", { headers, form: { ...reader, role: "user" } });
  }
  await api.dispose();
});

async function search(page: Page, title: string, author: string) {
  await open(page, `/search?title=${encodeURIComponent(title)}&author=${encodeURIComponent(author)}`);
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
}

test("a user wants a book, and it waits for approval", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  await signIn(page, reader);
  await search(page, "Good Omens", "Terry Pratchett");
  // Grabbing is for managers; wanting is for everybody.
  await expect(page.locator(".candidate")).not.toHaveCount(0);
  await expect(page.getByRole("button", { name: /Grab/ })).toHaveCount(0);
  await page.getByRole("button", { name: "Want it" }).click();
  await expect(page).toHaveURL(`${facts.url}/wants`);
  const want = row(page, "Good Omens");
  await expect(want.locator(".badge")).toHaveText("On hold");
  await expect(want.locator(".row-sentence")).toHaveText("ben asked for it; it waits until a manager approves it.");
  await expect(want.getByRole("button", { name: "Search now" })).toHaveCount(0);
  await context.close();
});

test("a manager's word sets it going, and it is fulfilled when it is in the library", async ({ page }) => {
  test.slow();
  await open(page, "/wants");
  const want = row(page, "Good Omens");
  await expect(want).toContainText("Wanted by ben");
  await want.getByRole("button", { name: "Search now" }).click();
  await expect(want, "it leaves the open ones by itself").toHaveCount(0, { timeout: 90_000 });
  await page.getByRole("link", { name: "Fulfilled" }).click();
  await expect(row(page, "Good Omens").locator(".badge")).toHaveText("Fulfilled");
  await page.goto("/library?q=good+omens");
  await expect(page.locator(".book-card")).toHaveCount(1);
});

test("a work that is owned is not wanted again, and the reason is said", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  await signIn(page, reader);
  await search(page, "Small Gods", "Terry Pratchett");
  await page.getByRole("button", { name: "Want it" }).click();
  await expect(page.getByRole("alert")).toContainText(/Small Gods/);
  await expect(page.getByRole("alert")).toContainText(/library|own/i);
  await page.goto("/wants?show=all");
  await expect(row(page, "Small Gods")).toHaveCount(0);
  await context.close();
});

test("what was wanted by mistake is cancelled after a question", async ({ page }) => {
  await search(page, "Snow Crash", "Neal Stephenson");
  await page.getByRole("button", { name: "Want it" }).click();
  const want = row(page, "Snow Crash");
  await expect(want).toBeVisible();
  await want.getByText("Cancel…").click();
  await want.getByRole("button", { name: "Cancel the want" }).click();
  await expect(want).toHaveCount(0);
  await page.goto("/wants?show=cancelled");
  await expect(row(page, "Snow Crash").locator(".badge")).toHaveText("Cancelled");
});
