// What only admins do: people, the audit log, single sign-on.
import { type Page, request } from "@playwright/test";
import { admin, expect, facts, open, openContext, row, signIn, test } from "../support/world";

test.describe.configure({ mode: "serial" });

const guest = { username: "gwen", password: "a lantern in the attic" };
const { oidc, control } = facts.sandbox;

/** The API with an access token. */
function openApi(token: string) {
  return request.newContext({ baseURL: facts.url, extraHTTPHeaders: { authorization: `Bearer ${token}` } });
}

test.beforeAll(async ({ session }) => {
  const api = await openApi(session[0].value);
  const made = await api.post("/api/v1/users", { data: { ...guest, role: "user" } });
  expect(made.ok(), await made.text()).toBe(true);
  await api.dispose();
});

/** A person's own page, by the list. */
async function openUser(page: Page, username: string) {
  await open(page, "/users");
  await row(page, username).getByRole("link", { name: username }).click();
  await expect(page.getByRole("heading", { level: 1, name: username })).toBeVisible();
}

test("a changed role is in the audit log with before and after", async ({ page }) => {
  await openUser(page, guest.username);
  await page.getByLabel("May").selectOption("manager");
  await page.getByRole("button", { name: "Change the role" }).click();
  await expect(page.getByText("The role was changed.")).toBeVisible();
  await expect(page.getByLabel("May")).toHaveValue("manager");

  await page.getByRole("navigation", { name: "Main" }).first().getByRole("link", { name: "Audit log" }).click();
  const line = row(page, "Changed a role").first();
  await expect(line).toContainText(guest.username);
  await expect(line).toContainText("by anna");
  await expect(line.locator(".facts > div").filter({ hasText: "Role" }).locator("dd")).toHaveText("was user, now manager");
});

test("the last admin stays one, and is told why", async ({ page }) => {
  await openUser(page, admin.username);
  await page.getByLabel("May").selectOption("user");
  await page.getByRole("button", { name: "Change the role" }).click();
  await expect(page.getByRole("alert")).toHaveText("This is the last admin. Make somebody else an admin first.");
  await page.getByRole("button", { name: "Keep out" }).click();
  await expect(page.getByRole("alert").first()).toContainText("This is the last admin.");
  await expect(page.getByLabel("New password")).toHaveCount(0);
});

test("an e-mail that is none is refused at its field, and a right one stays", async ({ page }) => {
  await openUser(page, guest.username);
  const email = page.getByLabel("E-mail");
  await email.fill("gwen");
  await page.getByRole("button", { name: "Save the e-mail" }).click();
  await expect(page.locator(".field-error")).toHaveText("Enter an e-mail such as anna@example.com.");
  await email.fill("gwen@example.com");
  await page.getByRole("button", { name: "Save the e-mail" }).click();
  await expect(page.getByText("The e-mail was saved.")).toBeVisible();
  await page.reload();
  await expect(email).toHaveValue("gwen@example.com");
});

test("what somebody was refused is in the log, which only admins see", async ({ browser, complaints, page, request: visitor }) => {
  const { access_token } = await (await visitor.post("/api/v1/auth/login", { data: guest })).json();
  const api = await openApi(access_token);
  expect((await api.get("/api/v1/users")).status()).toBe(403);
  await api.dispose();
  await open(page, "/audit?action=request_refused");
  const line = row(page, "Request refused").filter({ hasText: "GET /api/v1/users" }).first();
  await expect(line).toContainText(`by ${guest.username}`);
  await expect(line.locator(".badge")).toHaveText("Refused");

  const context = await openContext(browser);
  const theirs = await context.newPage();
  await signIn(theirs, guest);
  await expect(theirs.getByRole("link", { name: "Audit log" })).toHaveCount(0);
  for (const path of ["/audit", "/settings/sign-on"]) {
    complaints.expect(new RegExp(`status of 403 .*${path}>$`));
    await theirs.goto(path);
    await expect(theirs.getByRole("alert").first(), path).toContainText(/admin/i);
  }
  expect(await theirs.content()).not.toContain("Request refused");
  await context.close();
});

test("the log is narrowed as one types, and exported as it is narrowed", async ({ complaints, page }) => {
  await open(page, "/audit");
  await page.getByLabel("Who").fill(guest.username);
  await expect(page).toHaveURL(/who=gwen/);
  await expect(page.locator(".rows > .row .row-meta").filter({ hasNotText: `by ${guest.username}` })).toHaveCount(0);
  await expect(page.locator(".rows > .row")).not.toHaveCount(0);
  for (const [name, first] of [
    ["Export as CSV", /^id,|^at,|^"?id/],
    ["Export as NDJSON", /^\{.*"actor":"gwen"/],
  ] as const) {
    const address = await page.getByRole("link", { name }).getAttribute("href");
    const file = await page.request.get(address ?? "");
    expect(file.headers()["content-disposition"]).toContain("attachment");
    const text = await file.text();
    expect(text).toMatch(first);
    expect(text).toContain("gwen");
    expect(text).not.toContain("save_integration");
  }
  await page.goto("/audit?q=no+such+words+anywhere");
  await expect(page.getByText("No line matches.")).toBeVisible();
  // A field for dates takes no other value, and says so.
  complaints.expect(/"yesterday".*(conform|format)/i);
  await page.goto("/audit?since=yesterday");
  await expect(page.getByRole("alert")).toContainText('"yesterday" is no date.');
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a new password ends the person's sign-ins", async ({ browser, page }) => {
    const context = await openContext(browser);
    const theirs = await context.newPage();
    await signIn(theirs, guest);
    await page.goto("/users");
    await row(page, guest.username).getByRole("link", { name: guest.username }).click();
    await page.getByLabel("New password").fill("short");
    await page.getByRole("button", { name: "Set the password" }).click();
    await expect(page.locator(".field-error")).toContainText("10 characters");
    await page.getByLabel("New password").fill("another lantern entirely");
    await page.getByRole("button", { name: "Set the password" }).click();
    await expect(page.getByText("The password was changed, and their sign-ins were ended.")).toBeVisible();
    await theirs.goto("/library");
    await expect(theirs).toHaveURL(`${facts.url}/login`);
    await context.close();
  });

  test("somebody is deleted after a question, and the log still knows", async ({ page }) => {
    await page.goto("/users");
    await row(page, guest.username).getByRole("link", { name: guest.username }).click();
    await page.getByText("Delete…").click();
    await expect(page.getByText("This can't be undone.")).toBeVisible();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect(page.getByText("The account was deleted.")).toBeVisible();
    await expect(row(page, guest.username)).toHaveCount(0);
    await page.goto("/audit");
    await page.getByLabel("Words in the log").fill(guest.username);
    await page.getByLabel("What").selectOption("delete_user");
    await page.getByRole("button", { name: "Search" }).click();
    await expect(row(page, "Deleted a user").first()).toContainText(guest.username);
  });
});

test("the sign-on form is tested before it is saved, and says what is wrong", async ({ page }) => {
  await open(page, "/settings");
  await page.getByRole("link", { name: "Single sign-on" }).click();
  const issuer = page.getByLabel("Issuer");
  const outcome = page.locator(".test-outcome");
  const testIt = page.getByRole("button", { name: "Test", exact: true });
  await issuer.fill("http://127.0.0.1:9/oidc");
  await testIt.click();
  await expect(outcome.locator(".tone-bad")).toContainText(/provider/i);
  await issuer.fill("http://id.example.com");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.locator(".field-error")).toContainText(/https/);
  await expect(issuer).toHaveValue("http://id.example.com");

  await issuer.fill(oidc.issuer);
  await page.getByLabel("Client id").fill(oidc.client_id);
  await page.getByLabel("Client secret").fill(oidc.client_secret);
  await page.getByLabel("Scopes").fill("profile email groups");
  await page.getByLabel("Public address").fill(facts.url);
  await page.getByLabel("Name on the button").fill("the sandbox");
  await page.getByLabel("Group 1", { exact: true }).fill("readers");
  await page.getByLabel("Role of group 1").selectOption("viewer");
  await page.getByLabel("Make an account at the first sign-in").check();
  await page.getByLabel("Switched on").check();
  await testIt.click();
  await expect(outcome.locator(".tone-good")).toContainText("answers and publishes its keys");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("The settings were saved.")).toBeVisible();
  await expect(page.locator("#redirect-address")).toHaveText(`${facts.url}/auth/oidc/callback`);

  await page.goto("/settings/sign-on");
  await expect(page.getByLabel("Group 1", { exact: true })).toHaveValue("readers");
  await expect(page.getByLabel("Group 3", { exact: true })).toHaveValue("");
  await expect(page.getByLabel("Client secret")).toHaveValue("");
  await expect(page.getByText("One is stored and is never shown.")).toBeVisible();
  expect(await page.content()).not.toContain(oidc.client_secret.slice(0, 32));
  await page.getByRole("button", { name: "Test what is saved" }).click();
  await expect(page.getByText("The provider answers and publishes its keys.")).toBeVisible();
});

test("somebody new signs in at the provider and gets the role of their group", async ({ browser, page }) => {
  await fetch(`${control.url}/control/oidc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: "berta" }),
  });
  const context = await openContext(browser);
  const theirs = await context.newPage();
  await theirs.goto("/auth/oidc/start?return_to=/library");
  await expect(theirs).toHaveURL(`${facts.url}/library`);
  await expect(theirs.locator(".side-bar-user")).toHaveText("berta · viewer");
  await context.close();

  await open(page, "/audit?who=berta");
  await expect(row(page, "Added a user").first()).toContainText("berta");
  await openUser(page, "berta");
  await expect(page.getByText(`Connected with ${oidc.issuer}`)).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a provider that is down is said by the test of what is saved, and sign-on is switched off", async ({ page }) => {
    await page.goto("/settings/sign-on");
    await page.getByLabel("Issuer").fill("http://127.0.0.1:9/oidc");
    await page.getByLabel("Switched on").uncheck();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByText("The settings were saved.")).toBeVisible();
    await page.getByRole("button", { name: "Test what is saved" }).click();
    await expect(page.getByRole("alert")).toContainText(/provider/i);
    const answer = await page.request.get("/auth/oidc/start", { maxRedirects: 0 });
    expect(answer.status()).toBe(409);
    await page.goto("/audit?action=save_single_sign_on");
    const change = row(page, "Changed single sign-on").first().locator(".facts > div").filter({ hasText: "Is enabled" });
    await expect(change.locator("dd")).toHaveText("was yes, now no");
  });
});
