// What people and programs ask for, how often, and what a right answer is.
import { randomUUID } from "node:crypto";
import { readText } from "./client.mjs";

/** Rows of a page of the API here. */
const LIMIT = 50;
/** Rows of a page of the web app. */
const SHOWN = 60;
/** Every so many-th answer is read; of the others only the status counts, so that this program costs the machine little. */
const READ_EVERY = 5;
const SORTS = ["title", "author", "-added", "duration", "-year"];

// How often of a thousand, and what: see the methods of these names.
const WEIGHTS = Object.entries({
  "page: home": 50,
  "page: library": 80,
  "page: library, search": 70,
  "page: library, author": 30,
  "page: library, series": 30,
  "page: book": 100,
  "page: wants": 30,
  "page: downloads": 30,
  "page: download": 20,
  "page: jobs": 20,
  "page: search": 20,
  "page: problems": 10,
  "api: books": 60,
  "api: books, next page": 60,
  "api: books, search": 50,
  "api: book": 50,
  "api: facets": 10,
  "api: authors": 20,
  "api: author": 10,
  "api: series": 20,
  "api: downloads": 20,
  "api: wants": 10,
  "api: runs": 10,
  "api: stats": 10,
  "unchanged: book (304)": 40,
  "unchanged: series (304)": 10,
  cover: 40,
  "static file": 50,
  health: 15,
  "write: want": 10,
  "write: cancel a want": 10,
  "write: e-mail of a user": 5,
}).map(([kind, weight]) => [weight, kind]);

/** Requests by chance, the same in each run. */
export class Mix {
  constructor(chance, people, known) {
    Object.assign(this, { chance, people, known });
    this.covered = known.books.filter((book) => book.has_cover);
    this.etags = new Map();
    this.wants = [];
    this.made = 0;
    // Nobody else's wants, also when two mixes follow each other on one server.
    this.shelf = randomUUID().slice(0, 8);
    this.checked = 0;
  }

  /** Learns the version of what will be asked for again. */
  async learn(client) {
    const admin = this.people.pick(this.chance, "admin");
    const paths = this.known.books.slice(0, 100).map((book) => `/api/v1/books/${book.id}`);
    for (const path of [...paths, SERIES]) {
      const { headers } = await client.send({ path, headers: bearer(admin) });
      if (!headers.etag) throw new Error(`${path} has no ETag.`);
      this.etags.set(path, headers.etag);
    }
    this.booksAskedAgain = paths;
  }

  next() {
    const kind = this.chance.pickWeighted(WEIGHTS);
    return { kind, status: 200, ...KINDS[kind](this) };
  }

  /** Why an answer is not right, if it is not. */
  findFault({ status, isRight, then }, answer) {
    if (answer.status !== status) return `status ${answer.status} instead of ${status}`;
    if (then) then(answer);
    this.checked += 1;
    if (!isRight || this.checked % READ_EVERY !== 0) return undefined;
    return isRight(readText(answer), answer) ? undefined : "an answer that does not hold what was asked for";
  }

  person(role) {
    return this.people.pick(this.chance, role);
  }

  pick(list) {
    return this.chance.pick(list);
  }
}

const SERIES = `/api/v1/series?limit=${LIMIT}`;

const KINDS = {
  "page: home": (mix) => page(mix, "/", (text) => text.includes("Home") && countRows(text) >= 12),
  "page: library": (mix) => {
    const view = mix.pick(["", "&view=list"]);
    return page(
      mix,
      `/library?sort=${mix.pick(SORTS)}${view}`,
      (text) => text.includes("16,050 books") && countRows(text) >= SHOWN,
    );
  },
  "page: library, search": (mix) => {
    const { title } = mix.pick(mix.known.books);
    return page(
      mix,
      `/library?q=${encodeURIComponent(someWords(mix, title))}`,
      (text) => text.includes(title.split(" ")[0]) && countRows(text) >= 1,
    );
  },
  "page: library, author": (mix) => {
    const { id, name } = mix.pick(mix.known.authors);
    return page(mix, `/library?author=${id}`, (text) => text.includes(name) && countRows(text) >= 1);
  },
  "page: library, series": (mix) => {
    const { id, name } = mix.pick(mix.known.series);
    return page(mix, `/library?series=${id}`, (text) => text.includes(name) && countRows(text) >= 1);
  },
  "page: book": (mix) => {
    const { id, title, authors } = mix.pick(mix.known.books);
    return page(mix, `/books/${id}`, (text) => text.includes(title) && text.includes(authors[0].name));
  },
  "page: wants": (mix) => page(mix, "/wants", (text) => text.includes("Wants") && countRows(text) >= SHOWN),
  "page: downloads": (mix) => page(mix, "/downloads", (text) => text.includes("Downloads") && countRows(text) >= 1),
  "page: download": (mix) => {
    const { id, title } = mix.pick(mix.known.downloads);
    return page(mix, `/downloads/${id}`, (text) => text.includes(title));
  },
  "page: jobs": (mix) => page(mix, "/jobs", (text) => text.includes("Read the torrent clients"), "manager"),
  "page: search": (mix) => page(mix, "/search", (text) => text.includes("Search"), "user"),
  "page: problems": (mix) => page(mix, "/problems", (text) => text.includes("The files are incomplete."), "manager"),

  "api: books": (mix) =>
    list(
      mix,
      `books?limit=${LIMIT}&sort=${mix.pick(SORTS)}`,
      ({ items, total }) => items.length === LIMIT && total === mix.known.total,
    ),
  "api: books, next page": (mix) => {
    const cursor = encodeURIComponent(mix.pick(mix.known.cursors));
    return list(
      mix,
      `books?limit=${LIMIT}&cursor=${cursor}`,
      ({ items, total }) => items.length === LIMIT && total === mix.known.total,
    );
  },
  "api: books, search": (mix) => {
    const { title } = mix.pick(mix.known.books);
    return list(mix, `books?limit=${LIMIT}&text=${encodeURIComponent(someWords(mix, title))}`, ({ items }) => items.length >= 1);
  },
  "api: book": (mix) => {
    const { id, title } = mix.pick(mix.known.books);
    return list(mix, `books/${id}`, (book) => book.summary.id === id && book.summary.title === title);
  },
  "api: facets": (mix) => list(mix, "books/facets?language=German", ({ authors }) => authors.length >= LIMIT),
  "api: authors": (mix) =>
    list(mix, `authors?limit=${LIMIT}&text=${mix.pick(["a", "hugo", "bauer", "clara%20m"])}`, ({ items }) => items.length >= 1),
  "api: author": (mix) => {
    const { id, name } = mix.pick(mix.known.authors);
    return list(mix, `authors/${id}`, (author) => author.name === name);
  },
  "api: series": (mix) =>
    list(mix, `series?limit=${LIMIT}&sort=${mix.pick(["name", "-books"])}`, ({ items }) => items.length === LIMIT),
  "api: downloads": (mix) =>
    list(mix, `downloads?limit=${LIMIT}&scope=${mix.pick(["all", "finished"])}`, ({ items }) => items.length === LIMIT),
  "api: wants": (mix) => list(mix, `wants?limit=${LIMIT}&status=open`, ({ items }) => items.length === LIMIT),
  "api: runs": (mix) => list(mix, `runs?limit=${LIMIT}`, ({ items }) => items.length === LIMIT, "manager"),
  "api: stats": (mix) => list(mix, "books/counts", ({ books }) => books > 16_000 && books <= mix.known.total),

  "unchanged: book (304)": (mix) => unchanged(mix, mix.pick(mix.booksAskedAgain)),
  "unchanged: series (304)": (mix) => unchanged(mix, SERIES),
  cover: (mix) => {
    const { id, cover_version } = mix.pick(mix.covered);
    return {
      path: `/covers/${id}?w=240&v=${cover_version}`,
      headers: cookie(mix.person()),
      isRight: (_, { headers }) => headers["content-type"] === "image/png",
    };
  },
  "static file": (mix) => ({ path: mix.pick(mix.known.assets), isRight: (_, { bytes }) => bytes.length > 100 }),
  health: (mix) => ({ path: mix.pick(["/health/live", "/health/ready"]), isRight: (text) => text.length > 0 }),

  "write: want": createWant,
  "write: cancel a want": (mix) => {
    const made = mix.wants.shift();
    if (!made) return createWant(mix);
    return { method: "POST", path: `/api/v1/wants/${made.id}/cancel`, headers: bearer(made.person), status: 204 };
  },
  "write: e-mail of a user": (mix) => {
    const admin = mix.person("admin");
    const { id } = mix.pick(mix.known.users);
    mix.made += 1;
    return write(admin, "PUT", `users/${id}/email`, { email: `reader${mix.made}@books.example` });
  },
};

function createWant(mix) {
  const person = mix.person("user");
  mix.made += 1;
  const request = write(person, "POST", "wants", { title: `Unwritten ${mix.shelf} ${mix.made}`, author: "Nobody Yet" });
  request.headers["idempotency-key"] = randomUUID();
  const then = (answer) => mix.wants.push({ id: JSON.parse(readText(answer)).id, person });
  return { ...request, status: 201, then };
}

function page(mix, path, isWhole, role) {
  return { path, headers: cookie(mix.person(role)), isRight: (text) => text.includes("</html>") && isWhole(text) };
}

function list(mix, path, isRight, role) {
  return { path: `/api/v1/${path}`, headers: bearer(mix.person(role)), isRight: (text) => isRight(JSON.parse(text)) };
}

function unchanged(mix, path) {
  const headers = { ...bearer(mix.person()), "if-none-match": mix.etags.get(path) };
  return { path, headers, status: 304, isRight: (_, { bytes }) => bytes.length === 0 };
}

function write(person, method, path, body) {
  return {
    method,
    path: `/api/v1/${path}`,
    headers: { ...bearer(person), "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

/** As they are typed: two of a title's words, in small letters. */
function someWords(mix, title) {
  const words = title.toLowerCase().split(" ");
  return `${words[0]} ${mix.pick(words.slice(1).filter((word) => word.length > 3))}`;
}

function countRows(html) {
  return html.split("data-key=").length - 1;
}

const cookie = (person) => ({ cookie: person.cookie, accept: "text/html" });
const bearer = (person) => ({ authorization: `Bearer ${person.access}` });
