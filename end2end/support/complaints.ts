// What browsers complain of. Every test listens to all of its pages, and what it did not expect fails it.
import { type BrowserContext } from "@playwright/test";

/** The complaints of every context, until they are looked through. */
export class Complaints {
  private heard: string[] = [];
  private expected: RegExp[] = [];

  /** The test provokes this: it has to come, and may come more than once. */
  expect(complaint: RegExp) {
    this.expected.push(complaint);
  }

  /** Listens to every page of a context from before its first script. */
  async listen(context: BrowserContext) {
    const hear = (where: string | undefined, what: string) => this.heard.push(`${where}: ${what}`);
    context.on("console", (message) => {
      const { url } = message.location();
      if (["error", "warning"].includes(message.type())) hear(message.page()?.url(), `${message.text()} <${url}>`);
    });
    context.on("weberror", (error) => hear(error.page()?.url(), `${error.error()}`));
    context.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText;
      // Leaving a page ends its stream of changes, what it asked for, and the covers that were on their way.
      const isLeft = reason === "net::ERR_ABORTED";
      // Said of each script where scripts are switched off. What the policy blocks stands in the console as well.
      const isOff = reason === "csp" && request.resourceType() === "script";
      if (!isLeft && !isOff) hear(request.frame().url(), `${reason} <${request.url()}>`);
    });
    // Neither is subject to the policy of the page. Also told of what a policy would only report.
    await context.exposeBinding("tellViolation", ({ page }, what: string) => hear(page.url(), what));
    await context.addInitScript(() => {
      const { tellViolation } = window as unknown as { tellViolation: (what: string) => void };
      addEventListener("securitypolicyviolation", ({ disposition, effectiveDirective, blockedURI }) =>
        tellViolation(`the policy's ${effectiveDirective} (${disposition}) is violated by ${blockedURI}`),
      );
    });
  }

  /** What nobody expected, and what was expected and did not come. Begins anew. */
  lookThrough(): string[] {
    const { heard, expected } = this;
    [this.heard, this.expected] = [[], []];
    return [
      ...heard.filter((complaint) => !expected.some((pattern) => pattern.test(complaint))),
      ...expected.filter((pattern) => !heard.some((complaint) => pattern.test(complaint))).map((pattern) => `nothing said ${pattern}`),
    ];
  }
}
