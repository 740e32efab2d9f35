"use strict";
// The relation u + p = s*i + d*a of one axis, solved for the gradient of the input.
function symconvAxis(H, K, s, d, p) {
  const room = H + 2 * p - d * (K - 1) - 1;
  const Ho = room < 0 ? 0 : Math.floor(room / s) + 1;
  const links = [];
  for (let i = 0; i < Ho; i++) {
    for (let a = 0; a < K; a++) {
      const u = s * i + d * a - p;
      if (u >= 0 && u < H) links.push([i, u, a]);
    }
  }
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);
  const g = gcd(s, d), step = s / g, back = d / g;
  const classes = [];
  for (let rho = 0; rho < s; rho++) {
    let first = -1;
    if (rho % g === 0) {
      for (let a = 0; a < step && first < 0; a++) if ((d * a - rho) % s === 0) first = a;
    }
    const empty = first < 0 || first >= K;
    classes.push({ rho, empty, first, step, back, shift: empty ? 0 : (rho - d * first) / s,
      count: empty ? 0 : Math.ceil((K - first) / step) });
  }
  return { Ho, links, g, classes };
}

function symconvControls(root, words) {
  const dial = (name) => root.querySelector(`input[name=${name}]`);
  const names = ["H", "K", "s", "d", "p"];
  let chosen = 3;
  const minus = (n) => String(n).replace("-", "−");
  const signed = (n) => (n ? (n < 0 ? ` − ${-n}` : ` + ${n}`) : "");
  const times = (n, name) => (n === 1 ? name : `${n}${name}`);
  const cell = (x, y, text, role, live, click) =>
    `<g ${click}><rect x="${x + 1}" y="${y + 1}" width="28" height="28" rx="3" style="fill:var(--${live ? role + "-soft" : "paper"});stroke:var(--${role});stroke-width:${live ? 2.2 : 1}"/>` +
    `<text x="${x + 15}" y="${y + 20}" text-anchor="middle" font-size="13" style="fill:var(--ink)">${text}</text></g>`;
  function picture(v, found) {
    const reach = v.d * (v.K - 1), last = Math.max(v.H - 1, (found.Ho - 1) * v.s + reach - v.p);
    const x0 = v.p * 30 + 4, width = (last + 1 + v.p) * 30 + 8;
    const at = (i) => x0 + (i * v.s - v.p + reach / 2) * 30;
    let svg = `<svg viewBox="0 0 ${width} 168" width="${width}" height="168" role="img"><title>${words.title}</title>`;
    for (const live of [false, true]) {
      for (const [i, u, a] of found.links) {
        if ((u === chosen) !== live) continue;
        const x1 = at(i) + 15, x2 = x0 + u * 30 + 15;
        svg += `<line x1="${x1}" y1="134" x2="${x2}" y2="34" style="stroke:var(--${live ? "kernel" : "faint"});stroke-width:${live ? 2.2 : 1}"/>`;
        if (live) svg += `<text x="${(x1 * 2 + x2) / 3}" y="104" text-anchor="middle" font-size="13" font-style="italic" style="fill:var(--kernel);stroke:var(--paper);stroke-width:4;paint-order:stroke">w${sub(a)}</text>`;
      }
    }
    const fed = new Set(found.links.filter((link) => link[1] === chosen).map((link) => link[0]));
    for (let u = -v.p; u <= last; u++) {
      const x = x0 + u * 30;
      svg += u < 0 || u >= v.H
        ? `<rect x="${x + 3}" y="7" width="24" height="24" rx="3" style="fill:none;stroke:var(--faint)"/>`
        : cell(x, 4, u, "input", u === chosen, `data-u="${u}" style="cursor:pointer"`);
    }
    for (let i = 0; i < found.Ho; i++) svg += cell(at(i), 134, i, "output", fed.has(i), "");
    return svg + "</svg>";
  }
  const sub = (n) => String(n).split("").map((c) => "₀₁₂₃₄₅₆₇₈₉"[+c]).join("");
  function line(v, c) {
    const rest = `u${signed(v.p)}`;
    const head = `<b>${rest} ≡ ${c.rho}</b> (mod ${v.s}): &nbsp;d<i>x</i><sub>u</sub> = `;
    if (c.empty) return head + "0";
    const top = v.p - c.rho ? `u${signed(v.p - c.rho)}` : "u";
    let i = v.s === 1 ? (v.p - c.rho + c.shift ? `u${signed(v.p - c.rho + c.shift)}` : "u")
      : (top === "u" ? `u/${v.s}` : `(${top})/${v.s}`) + signed(c.shift);
    let a = `${c.first}`;
    if (c.count > 1) {
      i += ` − ${times(c.back, "t")}`;
      a = c.first ? `${c.first} + ${times(c.step, "t")}` : times(c.step, "t");
    }
    const sum = c.count > 1 ? `Σ<sub>t=0…${c.count - 1}</sub> ` : "";
    return `${head}${sum}d<i>y</i><sub>${i}</sub> <i>w</i><sub>${a}</sub>`;
  }
  function draw() {
    const v = {};
    for (const name of names) {
      v[name] = Number(dial(name).value);
      root.querySelector(`output[name=${name}]`).textContent = v[name];
    }
    const found = symconvAxis(v.H, v.K, v.s, v.d, v.p);
    if (chosen >= v.H) chosen = v.H - 1;
    root.querySelector(".relation").innerHTML =
      `<i>u</i> = ${times(v.s, "<i>i</i>")} + ${times(v.d, "<i>a</i>")}${v.p ? " − " + v.p : ""}, &nbsp;` +
      `0 ≤ <i>u</i> &lt; ${v.H}, 0 ≤ <i>i</i> &lt; ${minus(found.Ho)}, 0 ≤ <i>a</i> &lt; ${v.K}; &nbsp;gcd(s, d) = ${found.g}`;
    root.querySelector(".picture").innerHTML = found.Ho ? picture(v, found) : `<p>${words.none}</p>`;
    root.querySelector(".classes").innerHTML = found.classes.map((c) => `<li>${line(v, c)}</li>`).join("");
    for (const part of root.querySelectorAll("[data-u]")) {
      part.addEventListener("click", () => { chosen = Number(part.dataset.u); draw(); });
    }
  }
  for (const name of names) dial(name).addEventListener("input", draw);
  draw();
}

if (typeof module !== "undefined") module.exports = { symconvAxis };
