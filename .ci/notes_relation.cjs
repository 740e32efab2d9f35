// Usage: node notes_relation.cjs CONTROLS.cjs RELATIONS.json. The script in the page must find the
// relation that the engine has, and its residue classes must give each point exactly once.
const { symconvAxis } = require(process.argv[2]);
const cases = JSON.parse(require("fs").readFileSync(process.argv[3], "utf8"));
const order = (a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
let wrong = 0;
for (const { case: given, Ho, links } of cases) {
  const [H, K, s, d, p] = given;
  const found = symconvAxis(...given);
  const solved = [];
  for (let u = 0; u < H; u++) {
    const c = found.classes[(u + p) % s];
    for (let t = 0; t < c.count; t++) {
      const i = (u + p - c.rho) / s + c.shift - c.back * t;
      if (i >= 0 && i < found.Ho) solved.push([i, u, c.first + c.step * t]);
    }
  }
  const wanted = JSON.stringify(links.sort(order));
  if (found.Ho !== Ho || JSON.stringify(found.links.sort(order)) !== wanted ||
      JSON.stringify(solved.sort(order)) !== wanted) {
    wrong += 1;
    console.error(`H, K, s, d, p = ${given}: another relation`);
  }
}
console.log(`${cases.length - wrong} of ${cases.length} relations agree`);
process.exit(wrong || !cases.length ? 1 : 0);
