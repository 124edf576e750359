// Under the site's policy, on a desktop and on a phone: each kind of page, and each kind of thing that one does there.
// That nothing complains is looked at after every test (`support/complaints.ts`).
import { request } from "@playwright/test";
import { admin, expect, facts, open, openAlone, openContext, overflow, row, signIn, test, untilSynced } from "../support/world";

const guest = { username: `cora${Date.now()}`, password: "a lighthouse in the fog" };
const LAMP = "Lantern (sandbox)";

test.beforeAll(async ({ session }) => {
  const extraHTTPHeaders = { authorization: `Bearer ${session[0].value}` };
  const api = await request.newContext({ baseURL: facts.url, extraHTTPHeaders });
  const made = await api.post("/api/v1/users", { data: { ...guest, role: "viewer" } });
  expect(made.ok(), await made.text()).toBe(true);
  await api.dispose();
  await untilSynced();
});

for (const [where, viewport] of [
  ["a desktop", { width: 1280, height: 800 }],
  ["a phone", { width: 390, height: 844 }],
] as const) {
  test.describe(`on ${where}`, () => {
    test.use({ viewport });

    test(`the sign-in refuses without loading anew and lets in on ${where}`, async ({ browser }) => {
      const context = await openContext(browser, { viewport });
      const page = await context.newPage();
      await openAlone(page, "/login");
      expect(await overflow(page)).toBe(0);
      await page.evaluate(() => Object.assign(window, { isSamePage: true }));
      await page.getByLabel("User name").fill("nobody-here");
      await page.getByLabel("Password").fill("not this one, no");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByRole("alert")).toContainText(/password/i);
      expect(await page.evaluate(() => "isSamePage" in window)).toBe(true);
      await signIn(page, admin);
      await context.close();
    });

    test(`an address that leads nowhere is a page on ${where}`, async ({ complaints, page }) => {
      complaints.expect(/status of 404 .*\/nowhere\/at\/all\?[^/]*>$/);
      await openAlone(page, "/nowhere/at/all");
      await expect(page.getByText("There is nothing at this address.")).toBeVisible();
      expect(await overflow(page)).toBe(0);
    });

    test(`a page for others is refused and follows changes on ${where}`, async ({ browser, complaints }) => {
      const context = await openContext(browser, { viewport });
      const page = await context.newPage();
      await signIn(page, guest);
      complaints.expect(/status of 403 .*\/users>$/);
      await open(page, "/users");
      await expect(page.getByRole("alert").first()).toContainText(/admin/i);
      expect(await overflow(page)).toBe(0);
      await context.close();
    });

    test(`what a layer or the sign-on refuses is a page in our colours on ${where}`, async ({ complaints, page }) => {
      for (const [path, status] of [
        ["/?q=%00", 422],
        ["/auth/oidc/callback?state=made-up&code=made-up", 401],
      ] as const) {
        complaints.expect(new RegExp(`status of ${status} `));
        expect((await page.goto(path))?.status(), path).toBe(status);
        await expect(page.locator("main.lone-page code")).toHaveText(/^[\w-]{36}$/);
        await expect(page.locator("main.lone-page")).not.toHaveCSS("max-width", "none");
        expect(await overflow(page), path).toBe(0);
      }
    });

    test(`a question is asked, a form tested and sent on ${where}`, async ({ page }) => {
      await open(page, "/integrations");
      const question = row(page, LAMP).locator(".confirm");
      await question.locator("summary").click();
      await expect(question.getByRole("button", { name: "Delete", exact: true })).toBeVisible();
      await question.locator("summary").click();
      await row(page, LAMP).getByRole("link", { name: "Edit" }).click();
      await page.getByRole("button", { name: "Test" }).click();
      await expect(page.locator(".test-outcome .notice")).toHaveClass(/tone-good/);
      await page.getByRole("button", { name: "Save" }).click();
      await expect(page).toHaveURL(`${facts.url}/integrations`);
      await expect(row(page, LAMP)).toBeVisible();
    });

    test(`a list is narrowed as one types, a template previewed, and a run followed on ${where}`, async ({ page }) => {
      await open(page, "/library");
      await page.getByLabel("Title, author, narrator or series").pressSequentially("small gods", { delay: 20 });
      await expect(page.locator(".found")).toContainText("1 book");
      await open(page, "/settings");
      await page.getByLabel("Of books in a series").fill("{series}/{author} - {title}");
      await expect(page.locator(".files > li .path").first()).toHaveText(/^[^/]+\/[^/]+ - /);
      await open(page, "/jobs");
      await row(page, "Check the integrations").first().getByRole("button", { name: "Run now" }).click();
      await expect(page).toHaveURL(/\/runs\//);
      await expect(page.locator(".page-head .badge")).toHaveText("Done", { timeout: 30_000 });
    });
  });
}

test("what a browser complains of is heard", async ({ complaints, page }) => {
  await open(page, "/library");
  complaints.expect(/inline script .*'script-src 'self' 'nonce-/i);
  complaints.expect(/the policy's script-src-elem \(enforce\) is violated by inline$/);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.hasRun = true";
    document.body.append(script);
  });
  expect(await page.evaluate(() => "hasRun" in window)).toBe(false);

  complaints.expect(/: said by hand <>$/);
  await page.evaluate(() => console.error("said by hand"));
  complaints.expect(/: Error: thrown by hand$/);
  await page.evaluate(
    () =>
      new Promise((done) => {
        addEventListener("error", done);
        setTimeout(() => {
          throw new Error("thrown by hand");
        });
      }),
  );
  complaints.expect(/status of 404 .*\/no-such-picture\.png>$/);
  await page.evaluate(
    () =>
      new Promise((done) => {
        const picture = new Image();
        picture.onerror = done;
        picture.src = "/no-such-picture.png";
      }),
  );
  complaints.expect(/: CompileError: WebAssembly\./);
  await page.route("**/*.wasm", (route) => route.fulfill({ contentType: "application/wasm", body: "no program" }));
  await Promise.all([page.waitForEvent("pageerror"), page.goto("/library")]);
});
