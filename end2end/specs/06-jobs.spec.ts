// Background work, and the settings that steer it.
import { expect, open, row, test } from "../support/world";

test("a job runs on a click, and its page follows it to the end", async ({ page }) => {
  await open(page, "/jobs");
  await row(page, "Check the integrations").first().getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(page.getByRole("heading", { level: 1, name: "Check the integrations" })).toBeVisible();
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
  await expect(page.locator(".log")).toContainText("Every integration answers.");
  // Others of the kind start by themselves.
  const id = new URL(page.url()).pathname.split("/").at(-1);
  await page.goto("/jobs");
  const run = page.locator(`section .row[data-key="${id}"]`);
  await expect(run).toContainText("Check the integrations");
  await expect(run).toContainText("by anna");
  await expect(run).toContainText("Every integration answers.");
});

test("what changes before its stream of changes is open reaches a page", async ({ page, context }) => {
  await open(page, "/jobs");
  let openStream = () => {};
  const held = new Promise<void>((resolve) => (openStream = resolve));
  await page.route(/\/events\?/, async (route) => {
    await held;
    await route.continue();
  });
  await row(page, "Check the integrations").first().getByRole("button", { name: "Run now" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  const other = await context.newPage();
  await expect(async () => {
    await other.goto(page.url());
    await expect(other.locator(".page-head .badge")).toHaveText("Done", { timeout: 500 });
  }).toPass({ timeout: 30_000 });
  openStream();
  await expect(page.locator(".page-head .badge")).toHaveText("Done");
});

test("a sync counts what it read", async ({ page }) => {
  await open(page, "/jobs");
  await row(page, "Sync the whole library").first().getByRole("button", { name: "Run now" }).click();
  await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 60_000 });
  await expect(page.locator(".download-sentence")).toContainText(/\d+ items; \d+ read, 0 new/);
  await expect(page.locator(".facts > div").filter({ hasText: /^read/ }).locator("dd")).toHaveText(/^\d+$/);
});

test("a job is switched off and on", async ({ page }) => {
  await open(page, "/jobs");
  const job = row(page, "Remove old records").first();
  await job.getByRole("button", { name: "Switch off" }).click();
  await expect(job.locator(".badge").first()).toHaveText("Off");
  await job.getByRole("button", { name: "Switch on" }).click();
  await expect(job.locator(".badge").first()).toHaveText("On");
});

test("a job gets another schedule, a wrong one is refused, and the program's comes back", async ({ page }) => {
  await open(page, "/jobs");
  await row(page, "Remove old records").first().getByRole("link", { name: "Change" }).click();
  const schedule = page.getByLabel("Schedule");
  await expect(schedule).toHaveValue("0 1 * * *");
  await schedule.fill("0 0 30 2 *");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".field-error")).toContainText("That day never comes.");
  await schedule.fill("30 4 * * 5");
  await page.getByRole("button", { name: "Save" }).click();
  const job = page.locator(".row").first();
  await expect(job).toContainText("at 04:30, on Friday (UTC)");
  await expect(job).toContainText("changed by an admin");
  await page.getByRole("button", { name: 'Reset to "0 1 * * *"' }).click();
  await expect(job).toContainText("daily at 01:00 (UTC)");
  await expect(page.getByRole("button", { name: /Reset/ })).toHaveCount(0);
});

test("the runs of one job can be looked at alone", async ({ page }) => {
  await open(page, "/jobs");
  await row(page, "Sync the whole library").first().getByRole("link", { name: "Sync the whole library" }).click();
  await expect(page.getByText("Of one job.")).toBeVisible();
  const titles = page.locator("section .row .row-title");
  await expect.poll(async () => new Set(await titles.allInnerTexts())).toEqual(new Set(["Sync the whole library"]));
});

test("folder names are previewed on the library's own books as one types", async ({ page }) => {
  await open(page, "/settings");
  const template = page.getByLabel("Of books in a series");
  const preview = page.locator(".files > li");
  await expect(preview.first()).toBeVisible();
  await template.fill("{series}/{author} - {title}");
  await expect(preview.locator(".path").first()).toHaveText(/^[^/]+\/[^/]+ - /);
  await template.fill("{series}/{colour}");
  await expect(preview.locator(".field-error").first()).toContainText("colour");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert").or(page.locator(".field-error")).first()).toContainText(/colour|template/i);
});

test("settings that are saved stay", async ({ page }) => {
  await open(page, "/settings");
  await page.getByLabel("Fewest seeders").fill("2");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The settings were saved.")).toBeVisible();
  await page.goto("/settings");
  await expect(page.getByLabel("Fewest seeders")).toHaveValue("2");
});
