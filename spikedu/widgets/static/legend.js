// What lines and marks mean: after the title where there is room, else in rows below it.

import { COLOURS, DASHES, text, line, triangle, measure, fit } from "./canvas.js";

export const LEGEND_ROW = 17;
const APART = 14;

const stroke = (words, colour, k) => ({
  words, wide: 28,
  mark: (ink, look, x, y) =>
    line(ink, [[x, y], [x + 22, y]], colour || look.ink, { width: 1.8, dash: DASHES[k % 4] }),
});
const bar = (words, colour, from, high) => ({
  words, wide: 8,
  mark(ink, look, x, y) {
    ink.fillStyle = colour || look.ink;
    ink.fillRect(x, y - 6 + from, 3, high);
  },
});
const spike = { words: "spike", wide: 16, mark: (ink, look, x, y) => triangle(ink, x + 5, y, look.ink) };

function entries(p) {
  if (p.kind === "curve") return p.names.map((name, k) => stroke(name, COLOURS[p.meanings[k]], k));
  if (p.kind === "raster" && p.names) {
    const [a, b] = p.names;
    return [bar("both", null, 0, 12), bar(`only ${a} (upper half)`, COLOURS.membrane, 0, 6),
      bar(`only ${b} (lower half)`, COLOURS.threshold, 6, 6)];
  }
  if (p.kind !== "traces" || p.threshold === undefined) return [];
  const lines = p.names.map((name, k) => stroke(name, COLOURS[p.meaning], k));
  const level = stroke(`threshold ${p.threshold.toFixed(2)}`, COLOURS.threshold, 1);
  return [...lines, level, ...(p.spikes ? [spike] : [])];
}

let pen = null; // measures words before there is anything to paint on

// Each entry with its place {x, row}, and how many rows stand below the title.
export function legend(look, p, left, right) {
  pen ||= document.createElement("canvas").getContext("2d");
  const found = entries(p).map((e) => ({ ...e, all: e.wide + measure(pen, look, e.words) }));
  let x = left + measure(pen, look, p.title, "600") + 16, row = 0;
  const total = found.reduce((sum, e) => sum + e.all + APART, -APART);
  if (x + total > right) [x, row] = [left, 1];
  for (const e of found) {
    if (x + e.all > right && x > left) [x, row] = [left, row + 1];
    Object.assign(e, { x, row });
    x += e.all + APART;
  }
  return { found, rows: found.length ? row : 0 };
}

export function paintLegend(ink, look, { legend: { found }, titleAt, right }) {
  for (const e of found) {
    const y = titleAt + e.row * LEGEND_ROW, from = e.x + e.wide;
    e.mark(ink, look, e.x, y);
    text(ink, look, fit(ink, look, e.words, right - from), from, y);
  }
}
