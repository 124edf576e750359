import config from "./playwright.config";
export default { ...config, globalSetup: undefined, timeout: 90_000, expect: { timeout: 15_000 }, outputDir: "/tmp/pwt/results" };
