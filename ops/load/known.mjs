// What the requests ask for: looked up once, before anything is measured.
import { readText } from "./client.mjs";

const BOOKS = 16_050;
const TORRENTS = 848;

/** Reads the library from end to end, which has to be all there, and some of everything else. */
export async function lookAround(client, access) {
  const list = (path) => client.call("GET", path, { access });
  const { books, cursors } = await walkBooks(list);
  const downloads = await list("downloads?limit=200");
  if (downloads.total < TORRENTS) throw new Error(`There are ${downloads.total} downloads, not ${TORRENTS}.`);
  const [wants, runs] = [await list("wants?limit=200"), await list("runs?limit=200")];
  return {
    books,
    cursors,
    total: BOOKS,
    torrents: downloads.total,
    authors: collect(books, "authors"),
    series: collect(books, "series"),
    downloads: downloads.items,
    wants: wants.items,
    runs: runs.items,
    assets: await listAssets(client),
    users: (await list("users")).items,
  };
}

async function walkBooks(list) {
  const [books, cursors] = [[], []];
  for (let cursor = ""; cursor !== undefined;) {
    const page = await list(`books?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    books.push(...page.items);
    cursor = page.next_cursor ?? undefined;
    if (cursor && page.total - books.length >= 200) cursors.push(cursor);
  }
  const different = new Set(books.map((book) => book.id)).size;
  if (different !== BOOKS) throw new Error(`The pages of the library hold ${different} books, not ${BOOKS}.`);
  return { books, cursors };
}

function collect(books, field) {
  return [...new Map(books.flatMap((book) => book[field]).map((one) => [one.id, one])).values()];
}

/** What a browser loads along with a page. */
async function listAssets(client) {
  const page = readText(await client.send({ path: "/login" }));
  const paths = new Set(page.match(/\/pkg\/[^"'\s<>\\]+/g));
  if (paths.size === 0) throw new Error("The page names no files: is the site built? cargo xtask site");
  return [...paths];
}
