/** Opens pages under test in the browser. */

/** Milliseconds in which a page must be done. */
export const PAGE_TIMEOUT = 120_000;

/**
 * Opens a page in a context of its own, and collects what its console says.
 *
 * @param stop - Whether a warning or an error ends the wait for the page's report; it is then the report's `value`.
 */
export async function openPage(browser, server, address, stop = () => false) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const lines = [];
  const problems = [];
  const downloads = [];
  page.on("download", (download) => downloads.push(download));
  const report = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${address}: no report. ${problems.join("\n")}`)), PAGE_TIMEOUT);
    const finish = (value) => {
      clearTimeout(timer);
      resolve(value);
    };
    const problem = (text) => {
      problems.push(text);
      if (stop(text)) finish({ checks: {}, value: text });
    };
    page.on("pageerror", (error) => problem(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) problem(`${message.type()}: ${message.text()}`);
      else lines.push(message.text());
    });
    server.takeSent();
    server.nextReport().then(finish);
    page.goto(server.origin + address).catch(reject);
  });
  return { report, lines, problems, downloads, page, close: () => context.close() };
}
