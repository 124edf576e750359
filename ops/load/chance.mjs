// Chance that is the same each time.

/** Numbers from 0 to below 1 (mulberry32). */
export class Chance {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  roll() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  pick(list) {
    return list[Math.floor(this.roll() * list.length)];
  }

  /** One of `[weight, thing]`, as often as its weight says. */
  pickWeighted(list) {
    const total = list.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.roll() * total;
    return list.find(([weight]) => (left -= weight) < 0)[1];
  }
}
