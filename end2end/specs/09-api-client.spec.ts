// The main job by a client that is generated from the API's document.
import { admin, expect, facts, test, untilSynced } from "../support/world";
import { findRelease, grabOnce, listTitles, makeKey, openClient } from "../support/client";

// The session of the fixture makes the admin when this spec runs alone.
test("a generated client searches, grabs once and finds the book", async ({ session }) => {
  test.slow();
  expect(session).toHaveLength(2);
  await untilSynced();
  const client = openClient(facts.url, await makeKey(facts.url, admin));
  const best = await findRelease(client, "The Martian", "Andy Weir");
  const download = await grabOnce(client, best);
  expect(download.summary.state, download.summary.sentence).toBe("imported");
  expect(await listTitles(client, "The Martian")).toContain("The Martian");
});

test("the API's page runs under the site's policy", async ({ page }) => {
  await page.goto("/api/docs");
  const books = page.locator("details#list_books");
  await books.locator("summary").click();
  await expect(books).toContainText("One page of the books that match every filter.");
});
