// The library: every book, found in any script, whatever its title holds.
import { type Page } from "@playwright/test";
import { expect, facts, open, overflow, test, untilSynced } from "../support/world";

const titles = (page: Page) => page.locator(".book-grid .book-title");
const found = (page: Page) => page.locator(".found");
const filter = (page: Page, name: string) => page.getByRole("combobox", { name, exact: true });
const ENDLESS = /^An Endless Title That Goes On/;

test.beforeAll(async () => {
  await untilSynced();
});

test("typing narrows the list without sending the form by hand", async ({ page }) => {
  await open(page, "/library");
  await page.getByLabel("Title, author, narrator or series").pressSequentially("ursula guin", { delay: 20 });
  await expect(found(page)).toContainText("9 books");
  await expect(page).toHaveURL(/q=ursula/);
  await expect(page.getByLabel("Title, author, narrator or series")).toBeFocused();
  await page.getByRole("link", { name: "Show all" }).click();
  await expect(found(page)).toContainText(`${facts.sandbox.audiobookshelf.items} books`);
});

for (const [text, count, title] of [
  ["толстой", 3, "Война и мир"],
  ["ФЁДОР", 3, "Идиот"],
  ["夏目漱石", 3, "こころ"],
  ["銀河", 1, "銀河鉄道の夜"],
  ["نجيب", 2, "قصر الشوق"],
  ["bronte", 3, "Jane Eyre"],
] as const) {
  test(`a search for "${text}" finds ${title}`, async ({ page }) => {
    await page.goto("/library");
    await page.getByLabel("Title, author, narrator or series").fill(text);
    await page.getByRole("button", { name: "Search" }).click();
    await expect(found(page)).toContainText(`${count} ${count === 1 ? "book" : "books"}`);
    await expect(titles(page).getByText(title, { exact: true })).toBeVisible();
  });
}

test("what nothing matches says so and leads on", async ({ page }) => {
  await page.goto("/library?q=zzzz+nothing");
  await expect(page.getByText("No book matches.")).toBeVisible();
  await expect(page.getByRole("link", { name: "look for it at the indexers" })).toHaveAttribute("href", /^\/search/);
});

test("filters narrow, keep each other, and can be undone", async ({ page }) => {
  await open(page, "/library");
  await filter(page, "Language").selectOption({ label: "Russian (11)" });
  await expect(found(page)).toContainText("11 books");
  await filter(page, "Narrator").selectOption({ label: "Александр Клюквин (6)" });
  await expect(found(page)).toContainText("6 books");
  await expect(page).toHaveURL(/language=/);
  await expect(page).toHaveURL(/narrator=/);
  await page.reload();
  await expect(found(page)).toContainText("6 books");
  await page.getByRole("link", { name: "Show all" }).click();
  await expect(found(page)).toContainText(`${facts.sandbox.audiobookshelf.items} books`);
});

test("the order can be turned round", async ({ page }) => {
  await page.goto("/library?language=German&sort=title");
  await expect(titles(page)).toHaveText(["Das Schloss", "Die Verwandlung"]);
  await open(page, "/library?language=German&sort=title");
  await filter(page, "Order").selectOption("-title");
  await expect(titles(page)).toHaveText(["Die Verwandlung", "Das Schloss"]);
});

test("Back leads through the orders that were chosen, and the choice follows", async ({ page }) => {
  await open(page, "/library?language=German&sort=title");
  await filter(page, "Order").selectOption("-title");
  await expect(titles(page)).toHaveText(["Die Verwandlung", "Das Schloss"]);
  await expect(page).toHaveURL(/sort=-title/);
  await page.goBack();
  await expect(titles(page)).toHaveText(["Das Schloss", "Die Verwandlung"]);
  await expect(filter(page, "Order")).toHaveValue("title");
  await page.goForward();
  await expect(titles(page)).toHaveText(["Die Verwandlung", "Das Schloss"]);
  await expect(filter(page, "Order")).toHaveValue("-title");

  // From another page, too.
  await page.locator(".book-card").first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Die Verwandlung" })).toBeVisible();
  await page.goBack();
  await expect(titles(page)).toHaveText(["Die Verwandlung", "Das Schloss"]);
  await expect(filter(page, "Order")).toHaveValue("-title");
});

test("covers and list show the same books, and the choice stays while one searches", async ({ page }) => {
  await open(page, "/library?q=earthsea");
  const covers = await titles(page).allInnerTexts();
  await page.getByRole("link", { name: "List", exact: true }).click();
  await expect(page.locator(".book-list .book-title")).toHaveText(covers);
  await page.getByLabel("Title, author, narrator or series").fill("tehanu");
  await expect(page.locator(".book-list .book-title")).toHaveText(["Tehanu"]);
});

test("paging by links reaches every book once", async ({ page }) => {
  await open(page, "/library");
  await page.getByRole("link", { name: "Next page" }).click();
  await expect(page.getByRole("link", { name: "First page" })).toHaveAttribute("href", "/library");

  const seen: string[] = [];
  let address: string | undefined = "/library";
  while (address) {
    const html = await (await page.request.get(address)).text();
    seen.push(...Array.from(html.matchAll(/href="(\/books\/[^"]+)"/g), (match) => match[1]));
    address = /href="([^"]+)" rel="next"/.exec(html)?.[1].replaceAll("&amp;", "&");
  }
  expect(seen.length).toBe(facts.sandbox.audiobookshelf.items);
  expect(new Set(seen).size).toBe(seen.length);
});

test("a book shows its fields, its files and where it comes from", async ({ page }) => {
  await open(page, "/library?q=small+gods");
  await page.locator(".book-card").first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Small Gods" })).toBeVisible();
  const fact = (name: string) => page.locator(".facts > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) }).locator("dd");
  await expect(fact("By")).toHaveText("Terry Pratchett");
  await expect(fact("Read by")).toHaveText("Nigel Planer");
  await expect(fact("Series")).toHaveText("Discworld, 13");
  await expect(fact("Published")).toContainText("1992");
  // The record has none, and the page says so.
  await expect(fact("Language")).toHaveText("not known");
  await expect(fact("ASIN")).toHaveText("B002SQ1Z9A");
  await expect(fact("Length")).toHaveText(/^\d+ h \d+/);
  await expect(fact("Source")).toContainText("Audiobookshelf (sandbox)");
  await expect(fact("Folder")).toContainText("Small Gods");
  await expect(page.locator(".book-files .path").first()).toHaveText(/\.(m4b|mp3)$/);

  await fact("Series").getByRole("link", { name: "Discworld" }).click();
  await expect(found(page)).toContainText("34 books");
});

test("a title with markup is shown as text and runs nothing", async ({ page }) => {
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await open(page, "/library?q=mayhem");
  await expect(titles(page)).toHaveText("Markup & <b>Mayhem</b>");
  await page.locator(".book-card").click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Markup & <b>Mayhem</b>");
  await expect(page.locator(".book-about")).toContainText("A bold tale & a slanted one.");
  await expect(page.locator("main b, main em, main img[src=x]")).toHaveCount(0);
  expect(dialogs).toEqual([]);
});

test("hostile titles break no layout on a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const hostile = [
    { text: "endless title", title: ENDLESS },
    { text: "and the right ones", title: /and the right ones/ },
    { text: "passwd", title: /passwd/ },
    { text: "control character", title: /Nul.?l and.? Bell/ },
  ];
  for (const { text, title } of hostile) {
    for (const view of ["", "&view=list"]) {
      await page.goto(`/library?q=${encodeURIComponent(text)}${view}`);
      await expect(page.locator(".book-title").first()).toHaveText(title);
      expect(await overflow(page), `${text} ${view}`).toBe(0);
    }
    await page.locator("a.book-title, .book-card").first().click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(title);
    expect(await overflow(page), text).toBe(0);
  }
});

test("a title that writes backwards turns nothing round it", async ({ page }) => {
  await page.goto("/library?q=and+the+right+ones");
  // Isolated by its own element: what stands beside it keeps its direction.
  await expect(page.locator(".book-card bdi.book-title")).toHaveCSS("unicode-bidi", "isolate");
  await expect(page.locator(".book-card bdi.book-author")).toHaveCSS("unicode-bidi", "isolate");
});

test("covers come from this server and no other host is asked", async ({ page }) => {
  const hosts = new Set<string>();
  const covers: number[] = [];
  page.on("request", (request) => hosts.add(new URL(request.url()).origin));
  page.on("response", (response) => {
    if (new URL(response.url()).pathname.startsWith("/covers/")) covers.push(response.status());
  });
  await open(page, "/library?q=discworld");
  const first = page.locator(".book-card img.cover").first();
  await expect.poll(() => first.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true);
  expect([...hosts]).toEqual([facts.url]);
  expect(new Set(covers)).toEqual(new Set([200]));

  // A book without a cover says its title instead of a broken picture.
  await page.goto("/library?missing=cover");
  await expect(page.locator(".book-card .cover-blank").first()).toBeVisible();
  await expect(page.locator(".book-card img")).toHaveCount(0);
});

test("an address that leads to no book says so", async ({ complaints, page }) => {
  for (const path of ["/books/nothing", "/books/00000000-0000-7000-8000-000000000000"]) {
    complaints.expect(new RegExp(`status of 404 .*${path}>$`));
    await page.goto(path);
    await expect(page.getByRole("alert")).toContainText(/book/);
  }
});
