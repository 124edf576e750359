// Adds the people who will ask; before the library is filled, as wants are theirs.
import { Client } from "./client.mjs";
import { addPeople } from "./people.mjs";
import { settings } from "./settings.mjs";

const client = new Client(settings.address);
await addPeople(client, settings.access);
await client.close();
