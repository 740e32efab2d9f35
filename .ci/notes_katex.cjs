// Usage: node notes_katex.cjs FORMULAS.json. Every formula must parse in strict mode.
const katex = require("katex");
const formulas = JSON.parse(require("fs").readFileSync(process.argv[2], "utf8"));
let wrong = 0;
for (const { latex, display } of formulas) {
  // Chinese inside \text is what "unicodeTextInMathMode" and missing metrics warn of elsewhere.
  const strict = (code) => (code === "unknownSymbol" || code === "unicodeTextInMathMode") &&
    /\\text\{[^}]*[\u3000-\u9fff\uff00-\uffef]/.test(latex) ? "ignore" : "error";
  try {
    katex.renderToString(latex, { displayMode: display, strict, throwOnError: true, trust: false });
  } catch (error) {
    wrong += 1;
    console.error(`${error.message}\n    in: ${latex}`);
  }
}
console.log(`${formulas.length - wrong} of ${formulas.length} formulas parse`);
process.exit(wrong || !formulas.length ? 1 : 0);
