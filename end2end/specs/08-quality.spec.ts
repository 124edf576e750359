// What every page owes its reader: no errors, no page wider than the window, everything by the keyboard.
import { type Page } from "@playwright/test";
import { expect, facts, open, openContext, overflow, test } from "../support/world";

const PATHS = ["/", "/library", "/library?view=list", "/search", "/downloads", "/downloads?show=all", "/wants", "/wants?show=all", "/jobs", "/jobs?kind=clean_up", "/problems", "/backups", "/integrations", "/integrations/new?kind=qbittorrent", "/settings", "/settings/sign-on", "/users", "/audit", "/account"];

/** The pages, with one of each kind that has an id. */
async function listPages(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const [list, link] of [
    ["/library", /href="(\/books\/[^"]+)"/],
    ["/downloads?show=all", /href="(\/downloads\/[^"]+)"/],
    ["/jobs", /href="(\/runs\/[^"]+)"/],
    ["/integrations", /href="(\/integrations\/[0-9a-f][^"]+)"/],
    ["/users", /href="(\/users\/[^"]+)"/],
    ["/wants?show=all", /href="(\/search\/[^"]+)"/],
  ] as const) {
    const html = await (await page.request.get(list)).text();
    const address = link.exec(html)?.[1];
    if (address) found.push(address);
  }
  return [...PATHS, ...found];
}

test("a page that lost the server says so, and catches up when it is back", async ({ complaints, context, page }) => {
  complaints.expect(/ERR_FAILED .*\/events\?after=[\w-]+>$/);
  await page.route(/\/events\?/, (route) => route.abort());
  await page.goto("/downloads");
  const notice = page.locator(".trouble");
  await expect(notice).toContainText("The connection to the server is lost.");
  await page.unroute(/\/events\?/);
  await expect(notice).toBeHidden();

  await open(page, "/settings");
  // What is sent, and the stream if it begins anew just then.
  complaints.expect(/ERR_INTERNET_DISCONNECTED .*\/(sfn\/save_settings|events\?after=[\w-]+)>$/);
  await context.setOffline(true);
  await page.getByLabel("Fewest seeders").fill("7");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(notice).toContainText("did not answer");
  // Nothing that was typed is lost.
  await expect(page.getByLabel("Fewest seeders")).toHaveValue("7");
  await context.setOffline(false);
});

for (const width of [1280, 390, 360]) {
  test(`no page complains or is wider than a window of ${width} px`, async ({ page }) => {
    test.slow();
    const pages = await listPages(page);
    expect(pages.length).toBeGreaterThan(PATHS.length + 2);
    await page.setViewportSize({ width, height: 780 });
    for (const path of pages) {
      // Until its script runs: what it brings is part of the page.
      await open(page, path);
      expect(await overflow(page), path).toBe(0);
    }
  });
}

test("every page has one heading, a language, names for its fields and pictures", async ({ page }) => {
  test.slow();
  for (const path of await listPages(page)) {
    await page.goto(path);
    const faults = await page.evaluate(() => {
      const named = (element: Element) =>
        element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || (element as HTMLInputElement).labels?.length || element.textContent?.trim();
      const visible = (element: Element) => element.getClientRects().length > 0;
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      return [
        ...(document.documentElement.lang === "en" ? [] : ["no language"]),
        ...(document.querySelectorAll("h1").length === 1 ? [] : [`${document.querySelectorAll("h1").length} first headings`]),
        ...(document.title.includes("mamcrawler") ? [] : [`title "${document.title}"`]),
        ...[...document.querySelectorAll("img:not([alt])")].map((image) => `no alt: ${image.outerHTML}`),
        ...[...document.querySelectorAll("input:not([type=hidden]), select, textarea")].filter((field) => !named(field) || !(field as HTMLInputElement).labels?.length).map((field) => `no label: ${field.outerHTML}`),
        ...[...document.querySelectorAll("a[href], button, summary")].filter((target) => visible(target) && !named(target)).map((target) => `no name: ${target.outerHTML}`),
        ...ids.filter((id, index) => ids.indexOf(id) !== index).map((id) => `id twice: ${id}`),
        ...[...document.querySelectorAll("[aria-describedby]")].filter((field) => !document.getElementById(field.getAttribute("aria-describedby") ?? "")).map((field) => `describes nothing: ${field.outerHTML}`),
      ];
    });
    expect(faults, path).toEqual([]);
  }
});

test("the keyboard skips to the page and sees where it is", async ({ page }) => {
  await open(page, "/library");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the page" });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  const inside = await page.evaluate(() => document.querySelector("main")?.contains(document.activeElement));
  expect(inside).toBe(true);
  for (let steps = 0; steps < 12; steps++) {
    const look = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      const style = getComputedStyle(element);
      return { what: element.outerHTML.slice(0, 120), outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0, shadow: style.boxShadow !== "none" };
    });
    expect(look.outline || look.shadow, look.what).toBe(true);
    await page.keyboard.press("Tab");
  }
});

test("a question is opened, read and answered by the keyboard", async ({ page }) => {
  await open(page, "/integrations");
  const ask = page.locator(".confirm summary").first();
  await ask.focus();
  await page.keyboard.press("Enter");
  await expect(page.locator(".confirm-body").first()).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.locator(".confirm-body").first().getByRole("button", { name: "Delete" })).toBeFocused();
  await ask.focus();
  await page.keyboard.press("Space");
  await expect(page.locator(".confirm-body").first()).toBeHidden();
});

test("on a phone the rest of the places is behind More, which closes by itself", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, "/");
  const bar = page.locator(".bottom-bar");
  await bar.getByText("More").click();
  await bar.getByRole("link", { name: "Wants" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Wants" })).toBeVisible();
  await expect(page.locator(".bottom-menu")).toBeHidden();
});

test("text keeps its contrast in both colour schemes", async ({ page }) => {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const path of ["/", "/integrations", "/downloads?show=all"]) {
      await page.goto(path);
      const faint = await page.evaluate(() => {
        // Any notation of a colour, as the canvas paints it.
        const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const paint = (color: string) => {
          if (!canvas) return [0, 0, 0, 0];
          canvas.clearRect(0, 0, 1, 1);
          canvas.fillStyle = color;
          canvas.fillRect(0, 0, 1, 1);
          return [...canvas.getImageData(0, 0, 1, 1).data];
        };
        const luminance = (color: number[]) => {
          const [red, green, blue] = color.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
          return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const ground = (element: Element | null): number[] => {
          for (let at = element; at; at = at.parentElement) {
            const color = paint(getComputedStyle(at).backgroundColor);
            if (color[3] === 255) return color;
          }
          return [255, 255, 255, 255];
        };
        const texts = [...document.querySelectorAll("main *, .side-bar *")].filter((element) => element.getClientRects().length > 0 && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim()));
        return texts
          .map((element) => {
            const [text, back] = [luminance(paint(getComputedStyle(element).color)), luminance(ground(element))];
            return { ratio: (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05), html: element.outerHTML.slice(0, 120) };
          })
          .filter(({ ratio, html }) => ratio < 4.5 && !html.includes("cover-blank"));
      });
      expect(faint, `${colorScheme} ${path}`).toEqual([]);
    }
  }
});

test("strangers get no page and no data", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  for (const path of PATHS) {
    await page.goto(path);
    await expect(page, path).toHaveURL(`${facts.url}/login`);
  }
  const events = await context.request.get("/events");
  expect(events.status()).toBe(401);
  await context.close();
});
