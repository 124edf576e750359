// The same pages in a browser that runs no script.
import { expect, facts, openContext, row, test } from "../support/world";

test.use({ javaScriptEnabled: false });

/** Reloads until the page says it: nothing moves by itself here. */
async function reloadUntil(page: import("@playwright/test").Page, check: () => Promise<void>, timeout = 60_000) {
  await expect(async () => {
    await page.reload();
    await check();
  }).toPass({ timeout, intervals: [500, 1_000] });
}

test("signing in says what is wrong and leads in", async ({ browser }) => {
  const context = await openContext(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/library");
  await expect(page).toHaveURL(/\/login/);
  const fill = async (password: string) => {
    await page.getByLabel("User name").fill("anna");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  await fill("not this one, no");
  await expect(page.getByRole("alert")).toContainText(/password/i);
  expect(page.url()).not.toContain("not+this");
  await fill("correct horse battery");
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Services" })).toBeVisible();
  await context.close();
});

test("the library is searched, filtered and paged", async ({ page }) => {
  await page.goto("/library");
  await expect(page.locator(".found")).toContainText(/3\d\d books/);
  await page.getByRole("link", { name: "Next page" }).click();
  await expect(page.getByRole("link", { name: "First page" })).toBeVisible();
  await page.goto("/library");
  await page.getByLabel("Title, author, narrator or series").fill("чехов");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".book-card .book-title")).toHaveText(["Вишнёвый сад", "Палата № 6"]);
  await page.goto("/library");
  await page.getByRole("combobox", { name: "Language" }).selectOption({ label: "German (2)" });
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".found")).toContainText("2 books");
  await page.getByRole("link", { name: "List", exact: true }).click();
  await page.locator(".book-list a.book-title").first().click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(/Das Schloss|Die Verwandlung/);
  await expect(page.locator(".book-source")).toContainText("Audiobookshelf (sandbox)");
});

test("a book is searched for, grabbed, and arrives", async ({ page }) => {
  test.slow();
  await page.goto("/search");
  await page.getByLabel("Title").fill("A Wizard of Earthsea");
  await page.getByLabel("Author").fill("Ursula K. Le Guin");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "A Wizard of Earthsea" })).toBeVisible();
  await reloadUntil(page, () => expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 500 }));
  await page.locator(".candidate[data-choice]").getByRole("button", { name: "Grab" }).click();
  await expect(page).toHaveURL(/\/downloads\//);
  await expect(page.locator(".event").first()).toBeVisible();
  await reloadUntil(page, () => expect(page.getByRole("link", { name: "Open the book" })).toBeVisible({ timeout: 500 }), 90_000);
  await page.getByRole("link", { name: "Open the book" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "A Wizard of Earthsea" })).toBeVisible();
});

test("an empty search is refused with a reason", async ({ page }) => {
  await page.goto("/search");
  await page.getByLabel("Title").fill("   ");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("alert")).toContainText(/title/i);
});

test("an integration is tested and edited, with its mistakes named", async ({ page }) => {
  const name = "Lantern (sandbox)";
  await page.goto("/integrations");
  await row(page, name).getByRole("button", { name: "Test" }).click();
  await page.goto("/integrations");
  await expect(row(page, name).locator(".badge")).toHaveText("Works");
  await row(page, name).getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("Categories").fill("3030, books");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText('"books" is no number. Write 3030, 3040.').first()).toBeVisible();
  await page.getByLabel("Categories").fill("3030");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page).toHaveURL(new RegExp(`^${facts.url}/integrations`));
  await row(page, name).getByRole("link", { name: "Edit" }).click();
  await expect(page.getByLabel("Categories")).toHaveValue("3030");
});

test("settings are saved, and a template that is wrong is explained", async ({ page }) => {
  await page.goto("/settings");
  const template = page.getByLabel("Of other books");
  const before = await template.inputValue();
  await template.fill("{author}/{colour}");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText(/colour/).first()).toBeVisible();
  await page.goto("/settings");
  await expect(template).toHaveValue(before);
  await page.getByLabel("Fewest seeders").fill("1");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The settings were saved.")).toBeVisible();
  await expect(page.getByLabel("Fewest seeders")).toHaveValue("1");
});

test("a job runs, and the colours change", async ({ page }) => {
  await page.goto("/jobs");
  await row(page, "Check the integrations").first().getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await reloadUntil(page, () => expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 500 }));
  await page.goto("/account");
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});
