// Who asks: people of every role, signed in.

// Also the names that fill.sql gives wants to: they are made before it runs.
const ROLES = {
  anna: "admin",
  bert: "manager",
  clara: "manager",
  david: "user",
  emma: "user",
  farid: "user",
  grace: "user",
  hugo: "viewer",
};
const PASSWORD = "correct horse battery";
/** A sign-in lasts fifteen minutes. */
const SIGN_IN_EVERY_MS = 600_000;
const RANKS = ["viewer", "user", "manager", "admin"];

/** Adds everybody but anna, who set the server up. */
export async function addPeople(client, access) {
  for (const [username, role] of Object.entries(ROLES).slice(1)) {
    await client.call("POST", "users", { access, body: { username, password: PASSWORD, role } });
  }
}

/** Signs somebody in. */
export async function signIn(client, username) {
  const { access_token: access } = await client.call("POST", "auth/login", { body: { username, password: PASSWORD } });
  return { username, role: ROLES[username], access, cookie: `mamcrawler_access=${access}` };
}

/** Everybody, signed in for as long as the run lasts. */
export class People {
  constructor(client) {
    this.client = client;
    this.everybody = [];
  }

  async keepSignedIn() {
    await this.signEverybodyIn();
    setInterval(() => this.signEverybodyIn(), SIGN_IN_EVERY_MS).unref();
  }

  async signEverybodyIn() {
    for (const username of Object.keys(ROLES)) {
      const person = await signIn(this.client, username);
      const known = this.everybody.find((one) => one.username === username);
      if (known) Object.assign(known, person);
      else this.everybody.push(person);
    }
  }

  /** Somebody who may do what this role may. */
  pick(chance, role = "viewer") {
    const able = this.everybody.filter((person) => RANKS.indexOf(person.role) >= RANKS.indexOf(role));
    return chance.pick(able);
  }
}
