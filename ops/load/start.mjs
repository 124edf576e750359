// What load and soak begin with: people who are signed in, a library that is known, a mix of requests.
import { Chance } from "./chance.mjs";
import { Client } from "./client.mjs";
import { lookAround } from "./known.mjs";
import { Mix } from "./mix.mjs";
import { People } from "./people.mjs";
import { settings } from "./settings.mjs";
import { Watch } from "./watch.mjs";

export async function start() {
  const client = new Client(settings.address);
  const watch = new Watch({ pid: settings.pid, port: Number(new URL(settings.address).port), socketDir: settings.socketDir });
  const people = new People(client);
  await people.keepSignedIn();
  const chance = new Chance(1);
  const known = await lookAround(client, people.pick(chance, "admin").access);
  const mix = new Mix(chance, people, known);
  await mix.learn(client);
  console.log(
    `${known.books.length} books, ${known.torrents} torrents, ${known.authors.length} authors, ${known.series.length} series are there.`,
  );
  return { client, watch, people, chance, mix };
}

/** Keeps live pages open while something is measured; they have to stay open. */
export async function openStreams(client, people, each) {
  const asked = people.everybody.flatMap((person) => Array.from({ length: each }, () => client.openStream(person)));
  const streams = await Promise.all(asked);
  const refused = streams.find((stream) => stream.status !== 200);
  if (refused) throw new Error(`An event stream was refused with ${refused.status}.`);
  return streams;
}
