// The first start, people, and who may see what.
import { admin, expect, facts, openAlone, openContext, overflow, reader, row, signIn, test } from "../support/world";

test.describe.configure({ mode: "serial" });

test("the first page runs and fits on a desktop and on a phone", async ({ browser }) => {
  for (const width of [1280, 390]) {
    const context = await openContext(browser, { viewport: { width, height: 844 } });
    const page = await context.newPage();
    await openAlone(page, "/setup");
    await expect(page.getByLabel("Setup token")).toBeVisible();
    expect(await overflow(page), `${width} px`).toBe(0);
    await context.close();
  }
});

test("a wrong setup token is refused with what to do, and the right one signs in", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  await page.goto("/library");
  await expect(page).toHaveURL(`${facts.url}/setup`);
  await expect(page.getByText("The server printed it to its log")).toBeVisible();

  const fill = async (token: string) => {
    await page.getByLabel("Setup token").fill(token);
    await page.getByLabel("User name").fill(admin.username);
    await page.getByLabel("Password").fill(admin.password);
    await page.getByRole("button", { name: "Make the account" }).click();
  };
  await fill("not-the-token");
  await expect(page.getByRole("alert")).toContainText("token");
  await expect(page.getByRole("alert")).toContainText("log");
  await expect(page).toHaveURL(/\/setup/);

  await fill(facts.token);
  await expect(page.getByRole("heading", { level: 1, name: "Integrations" })).toBeVisible();
  await expect(page.locator(".side-bar-user")).toHaveText("anna · admin");
  await context.close();
});

test("the setup is closed once an account exists", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  await page.goto("/setup");
  await expect(page).toHaveURL(`${facts.url}/login`);
  const answer = await context.request.post("/api/v1/setup", { data: { token: facts.token, username: "eve", password: "a long enough one" } });
  expect(answer.ok()).toBe(false);
  await context.close();
});

test("a wrong password says so without saying which part was wrong", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  const sentences: string[] = [];
  for (const username of [admin.username, "nobody-at-all"]) {
    await page.goto("/login");
    await page.getByLabel("User name").fill(username);
    await page.getByLabel("Password").fill("not this one, no");
    await page.getByRole("button", { name: "Sign in" }).click();
    sentences.push(await page.getByRole("alert").innerText());
  }
  expect(sentences[0]).toMatch(/password/i);
  expect(sentences[1]).toBe(sentences[0]);
  await context.close();
});

test("signing out ends the session, signing in starts one", async ({ browser }) => {
  const context = await openContext(browser);
  const page = await context.newPage();
  await signIn(page, admin);
  const before = await context.cookies();
  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(`${facts.url}/login`);

  // The old cookies are worth nothing any more.
  await context.addCookies(before);
  await page.goto("/library");
  await expect(page).toHaveURL(`${facts.url}/login`);
  await context.close();
});

test("an admin adds a user, who sees what a user may see and changes the password", async ({ browser, complaints, page }) => {
  await page.goto("/users");
  await page.getByLabel("User name").fill(reader.username);
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("10 characters");

  await page.getByLabel("User name").fill(reader.username);
  await page.getByLabel("Password").fill("a first password");
  await page.getByLabel("May").selectOption("user");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByText("The account was made.")).toBeVisible();
  await expect(row(page, reader.username)).toContainText("Active");

  const context = await openContext(browser);
  const theirs = await context.newPage();
  await signIn(theirs, { username: reader.username, password: "a first password" });
  const places = theirs.getByRole("navigation", { name: "Main" }).first();
  await expect(places.getByRole("link", { name: "Library" })).toBeVisible();
  for (const hidden of ["Integrations", "Settings", "Users"]) {
    await expect(places.getByRole("link", { name: hidden })).toHaveCount(0);
  }
  for (const path of ["/integrations", "/settings", "/users"]) {
    complaints.expect(new RegExp(`status of 403 .*${path}>$`));
    await theirs.goto(path);
    await expect(theirs.getByRole("alert").first(), path).toContainText(/admin/i);
    expect(await theirs.content()).not.toContain(facts.sandbox.qbittorrent.url);
  }

  await theirs.goto("/account");
  const change = async (now: string) => {
    await theirs.getByLabel("Password now").fill(now);
    await theirs.getByLabel("New password").fill(reader.password);
    await theirs.getByRole("button", { name: "Change the password" }).click();
  };
  await change("not the first one");
  await expect(theirs.getByRole("alert")).toContainText(/password/i);
  await change("a first password");
  await expect(theirs.getByText("The password was changed.")).toBeVisible();
  await context.clearCookies();
  await signIn(theirs, reader);
  await context.close();
});

test("somebody kept out can no longer act, and is let in again", async ({ browser, page }) => {
  const context = await openContext(browser);
  const theirs = await context.newPage();
  await signIn(theirs, reader);
  // Nothing of theirs is on its way, such as a cover, when they are kept out.
  await theirs.goto("/account");

  await page.goto("/users");
  await row(page, reader.username).getByRole("button", { name: "Keep out" }).click();
  await expect(row(page, reader.username)).toContainText("Kept out");
  await theirs.goto("/library");
  await expect(theirs).toHaveURL(`${facts.url}/login`);

  await row(page, reader.username).getByRole("button", { name: "Let in again" }).click();
  await expect(row(page, reader.username)).toContainText("Active");
  await signIn(theirs, reader);
  await context.close();
});
