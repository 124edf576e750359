// One's own account: sign-ins, API keys, and what the sign-in page says.
import { type Page } from "@playwright/test";
import { admin, expect, facts, openAlone, openContext, row, signIn, test } from "../support/world";

/** What the API says to a program with this key. */
async function ask(key: string): Promise<number> {
  // Without the cookies of the page: the key alone must do.
  const answer = await fetch(`${facts.url}/api/v1/books`, { headers: { authorization: `Bearer ${key}` } });
  return answer.status;
}

async function makeKey(page: Page, name: string): Promise<string> {
  await page.goto("/account");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("May").selectOption("read");
  await page.getByLabel("Days until it ends").fill("7");
  await page.getByRole("button", { name: "Make the key" }).click();
  return readKey(page, name);
}

async function readKey(page: Page, name: string): Promise<string> {
  const shown = page.locator("#new-key");
  await expect(shown).toContainText(name);
  const key = await shown.locator("code").innerText();
  expect(key).toMatch(/^mamc_[0-9a-f]{32}_[\w-]{43}$/);
  expect(page.url()).not.toContain(key.slice(-43));
  return key;
}

async function confirm(page: Page, name: string, label: string, button: string) {
  const question = row(page, name).locator("details").filter({ has: page.getByText(label, { exact: true }) });
  await question.locator("summary").click();
  await question.getByRole("button", { name: button }).click();
}

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? "" : " without JavaScript";
  test.describe(`account${way}`, () => {
    test.use({ javaScriptEnabled });

    test(`a key is made, used, rotated and revoked${way}`, async ({ page, context }) => {
      const name = `Home Assistant${way}`;
      const first = await makeKey(page, name);
      expect(await ask(first)).toBe(200);
      // Nothing of it is left: not in the cookies, and not on the page when it is opened again.
      expect(JSON.stringify(await context.cookies())).not.toContain("once");
      await page.goto("/account");
      await expect(row(page, name)).toContainText("Last used");
      await expect(row(page, name)).toContainText("read");
      await expect(page.locator("#new-key")).toHaveCount(0);
      expect(await page.content()).not.toContain(first.slice(-43));

      await confirm(page, name, "Rotate…", "Rotate, keep the old for 24 h");
      const second = await readKey(page, name);
      await expect(page.locator("#new-key")).toContainText("The old secret is good until");
      expect(second).not.toBe(first);
      expect([await ask(first), await ask(second)]).toEqual([200, 200]);
      await page.goto("/account");
      await confirm(page, name, "Rotate…", "Rotate, end the old at once");
      const third = await readKey(page, name);
      expect([await ask(second), await ask(third)]).toEqual([401, 200]);

      await page.goto("/account");
      await confirm(page, name, "Revoke…", "Revoke");
      await expect(page.getByText("The key was revoked.")).toBeVisible();
      await expect(row(page, name)).toHaveCount(0);
      expect(await ask(third)).toBe(401);
    });

    test(`a key that can't be is refused beside its field${way}`, async ({ page }) => {
      await page.goto("/account");
      await page.getByLabel("Name", { exact: true }).fill("Forever");
      await page.getByLabel("Days until it ends").fill("40000");
      await page.getByRole("button", { name: "Make the key" }).click();
      await expect(page.getByRole("alert")).toContainText("A key can last 1 to");
      await expect(page.locator("#new-key")).toHaveCount(0);
      await expect(row(page, "Forever")).toHaveCount(0);
    });

    test(`another sign-in is ended${way}`, async ({ browser, page }) => {
      const [system, words] = javaScriptEnabled ? ["Windows NT 10.0; Win64; x64", "Firefox on Windows"] : ["Macintosh; Intel Mac OS X 10.15", "Firefox on a Mac"];
      const userAgent = `Mozilla/5.0 (${system}; rv:140.0) Gecko/20100101 Firefox/140.0`;
      const other = await openContext(browser, { userAgent });
      const theirs = await other.newPage();
      await signIn(theirs, admin);
      await page.goto("/account");
      const there = row(page, words);
      await expect(there).toHaveCount(1);
      await expect(there).toContainText("127.0.0.1");
      await there.getByRole("button", { name: "End", exact: true }).click();
      await expect(page.getByText("The sign-in was ended.")).toBeVisible();
      await expect(there).toHaveCount(0);
      await theirs.goto("/library");
      await expect(theirs).toHaveURL(`${facts.url}/login`);

      await signIn(theirs, admin);
      await theirs.goto("/account");
      const mine = theirs.locator("#sign-ins .row").filter({ hasText: "This one" });
      await expect(mine).toContainText(words);
      await expect(mine.getByRole("button")).toHaveCount(0);
      await other.close();
    });
  });
}

test("all other sign-ins are ended and this one stays", async ({ browser }) => {
  // Of a person of its own: the admin's other sign-ins carry the other specs.
  const name = `carl${Date.now()}`;
  const first = await openContext(browser);
  const maker = await first.newPage();
  await signIn(maker, admin);
  const made = await first.request.post("/api/v1/users", {
    data: { username: name, password: "a password for carl", role: "viewer" },
    headers: { origin: facts.url },
  });
  expect(made.ok(), await made.text()).toBe(true);
  await first.close();

  const who = { username: name, password: "a password for carl" };
  const [here, there] = [await openContext(browser), await openContext(browser)];
  const [mine, theirs] = [await here.newPage(), await there.newPage()];
  await signIn(mine, who);
  await signIn(theirs, who);
  await mine.goto("/account");
  await expect(mine.locator("#sign-ins .row")).toHaveCount(2);
  await mine.locator("#sign-ins summary").click();
  await mine.getByRole("button", { name: "End all others" }).click();
  await expect(mine.getByText("All other sign-ins were ended.")).toBeVisible();
  await expect(mine.locator("#sign-ins .row")).toHaveCount(1);
  await theirs.goto("/library");
  await expect(theirs).toHaveURL(`${facts.url}/login`);
  // A viewer's keys can read and no more.
  await expect(mine.getByLabel("May").locator("option")).toHaveText(["read: look at everything"]);
  await here.close();
  await there.close();
});

test("somebody who guesses is told how long to wait", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  await page.goto("/login");
  for (let tries = 0; tries < 6; tries++) {
    await page.getByLabel("User name").fill("guessed-at");
    await page.getByLabel("Password").fill("not this one, no");
    const answered = page.waitForResponse((response) => new URL(response.url()).pathname === "/login");
    await page.getByRole("button", { name: "Sign in" }).click();
    await answered;
  }
  await expect(page.getByRole("alert")).toContainText("There were too many failed sign-ins from your address. Try again in 15 minutes.");
  await expect(page.getByLabel("User name")).toBeVisible();
  await context.close();
});

for (const width of [1280, 390]) {
  test(`an account elsewhere is connected, signs in, and is disconnected in a window of ${width} px`, async ({ browser, page }) => {
    const viewport = { width, height: 844 };
    await page.setViewportSize(viewport);
    const { issuer, client_id, client_secret } = facts.sandbox.oidc;
    const provide = async (is_enabled: boolean) => {
      const headers = { origin: facts.url };
      const { settings } = await (await page.request.get("/api/v1/auth/oidc")).json();
      const data = {
        settings: { ...settings, is_enabled, issuer, client_id, display_name: "Lantern House", public_url: facts.url },
        client_secret,
      };
      const answer = await page.request.put("/api/v1/auth/oidc", { data, headers });
      expect(answer.ok(), await answer.text()).toBe(true);
    };
    await page.goto("/account");
    await expect(page.locator("#connections")).toHaveCount(0);
    await provide(true);
    await page.goto("/account");
    await expect(page.locator("#connections")).toContainText("No account elsewhere leads to this one yet.");
    await page.getByRole("button", { name: "Connect Lantern House" }).click();
    await expect(page).toHaveURL(`${facts.url}/account`);
    const connected = page.locator("#connections .row");
    await expect(connected).toContainText(issuer);

    const context = await openContext(browser, { viewport });
    const theirs = await context.newPage();
    await openAlone(theirs, "/login");
    await theirs.getByRole("link", { name: "Sign in with Lantern House" }).click();
    await expect(theirs.getByRole("heading", { level: 1, name: "Home" })).toBeVisible();
    await expect(theirs.locator(".side-bar-user")).toHaveText("anna · admin");
    await context.close();

    await connected.locator("summary").click();
    await connected.getByRole("button", { name: "Disconnect" }).click();
    await expect(page.getByText("The account was disconnected.")).toBeVisible();
    await expect(connected).toHaveCount(0);
    await provide(false);
    await page.goto("/login");
    await expect(page.getByRole("link", { name: /Sign in with/ })).toHaveCount(0);
  });
}
