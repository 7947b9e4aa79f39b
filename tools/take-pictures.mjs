// Takes the pictures in docs/images/ from a running Dagster UI.
//
// Load the sample first, so that nothing but generated rows is on them, then:
//
//     make run && make dev                                  (leave it running)
//     npm install --prefix /tmp/pictures playwright-core    (any directory outside the checkout)
//     NODE_PATH=/tmp/pictures/node_modules CHROMIUM=/usr/bin/chromium node tools/take-pictures.mjs
//
// Other address or directory: node tools/take-pictures.mjs http://127.0.0.1:3000 docs/images

import { createRequire } from "node:module";
import { join } from "node:path";

const { chromium } = createRequire(import.meta.url)("playwright-core");

const [address = "http://127.0.0.1:3000", directory = "docs/images"] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  const context = await browser.newContext({ colorScheme: "light", timezoneId: "UTC", locale: "en-US" });
  await takeAssetGraph(await context.newPage());
  await takeAssetPage(await context.newPage());
} finally {
  await browser.close();
}

/** The graph: the way of the data in full cards, the personas' views as one box each, which reads well in a README. */
async function takeAssetGraph(page) {
  await page.setViewportSize({ width: 2440, height: 960 });
  await page.goto(`${address}/asset-groups`);
  await page.getByText("Hide navigation").click();
  const jump = await page.getByPlaceholder("Jump to…").boundingBox();
  await page.mouse.click(jump.x + jump.width + 20, jump.y + jump.height / 2); // hides the list of groups
  await settle(page);
  for (const group of ["raw", "cleaned", "s3", "redshift", "bi"]) {
    await page.getByText(group, { exact: true }).last().click();
    await settle(page);
  }
  await page.mouse.dblclick(160, 900); // on nothing: shows the whole graph
  await settle(page);
  await page.mouse.move(950, 940); // away from the cards, which light up under the pointer
  await settle(page);
  await page.screenshot({ path: join(directory, "asset_graph.png") });
}

/** The page of one KPI: description, columns, preview, lineage. */
async function takeAssetPage(page) {
  await page.setViewportSize({ width: 1400, height: 1640 });
  await page.goto(`${address}/assets/kpi_revenue_by_category`);
  await page.getByText("column lineage").waitFor();
  await settle(page);
  await page.screenshot({ path: join(directory, "asset_page.png") });
}

/** Wait until the requests are answered and the animations are over. */
async function settle(page) {
  await page.waitForTimeout(2500); // the page polls for ever, so there is no event to wait for
}
