// Usage: node notes_browser.cjs CHROMIUM SHOTS PAGE.html... Opens each page light and dark, wide and
// narrow; fails on a console message, a page error, a request that leaves the page, a page that
// is wider than the window, or an error inside a formula. Moves the controls where there are any.
const puppeteer = require("puppeteer-core");
const fs = require("fs");
const path = require("path");
const [, , chromium, shots, ...pages] = process.argv;

async function main() {
  fs.mkdirSync(shots, { recursive: true });
  const browser = await puppeteer.launch({ executablePath: chromium, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
  const faults = [];
  for (const file of pages) {
    for (const [name, width, scheme] of [["wide", 1100, "light"], ["narrow", 390, "dark"]]) {
      const page = await browser.newPage();
      const label = `${path.basename(file)} (${name})`;
      page.on("console", (message) => faults.push(`${label}: console: ${message.text()}`));
      page.on("pageerror", (error) => faults.push(`${label}: ${error.message}`));
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith("data:") && url !== `file://${path.resolve(file)}`) {
          faults.push(`${label}: requests ${url}`);
        }
      });
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.goto(`file://${path.resolve(file)}`, { waitUntil: "load" });
      const state = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth - window.innerWidth,
        formulas: document.querySelectorAll("math").length,
        broken: document.querySelectorAll("merror").length,
        links: [...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute("href"))
          .filter((href) => !document.getElementById(href.slice(1))),
      }));
      if (state.wide > 0) faults.push(`${label}: ${state.wide}px wider than the window`);
      if (state.broken || !state.formulas) faults.push(`${label}: formulas are missing`);
      for (const href of state.links) faults.push(`${label}: ${href} leads nowhere`);
      for (const dial of await page.$$(".controls input")) {
        const moved = await dial.evaluate((element) => {
          const root = element.closest(".controls");
          const before = root.querySelector(".relation").textContent;
          element.value = Number(element.value) + 1;
          element.dispatchEvent(new Event("input"));
          return before !== root.querySelector(".relation").textContent &&
            root.querySelectorAll(".classes li").length > 0;
        });
        if (!moved) faults.push(`${label}: a control changes nothing`);
      }
      await page.screenshot({ path: path.join(shots,
        `${path.basename(file, ".html")}-${name}.png`), fullPage: false });
      console.log(`${label}: ${state.formulas} formulas`);
      await page.close();
    }
  }
  await browser.close();
  for (const fault of faults) console.error(fault);
  process.exit(faults.length ? 1 : 0);
}

main();
