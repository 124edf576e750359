// Browser tests against the real server, a real database, a real swarm and stand-ins for the rest.
import { defineConfig } from "@playwright/test";

const launchOptions = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

export default defineConfig({
  testDir: "specs",
  // One server, one library: specs run in the order of their names.
  workers: 1,
  fullyParallel: false,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: "list",
  globalSetup: "./support/start.ts",
  use: { launchOptions, locale: "en-GB", timezoneId: "UTC", trace: "retain-on-failure" },
});
