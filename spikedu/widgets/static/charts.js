// Bars, upright or by layer, and curves over x.

import { COLOURS, DASHES, scale, text, line, dot, triangle, panel, fit } from "./canvas.js";
import { register, title } from "./panels.js";
import { frame, stepOf } from "./maps.js";

register("bars", { height: barsHeight, paint: paintBars, locate: locateBar });
register("curve", { height: () => 170, paint: paintCurve, locate: locateCurve });

function barsHeight(p) {
  return p.sideways ? Math.max(p.labels.length * 22, 44) : 140;
}

function paintBars(ink, look, box, { t, spot }, done) {
  const { panel: p, left, right, top, bottom } = box;
  const [times, count] = p.values.shape;
  const values = p.values.data.subarray(Math.min(t ?? times, times - 1) * count).subarray(0, count);
  done.bars += count;
  title(ink, look, box, stepOf(p, t));
  if (p.sideways) return paintRates(ink, look, box, values, spot);
  let low = 0, high = p.high ?? 0;
  for (const v of [...p.values.data, ...Object.values(p.levels)]) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  const { y } = panel(ink, look, { title: "", axis: p.axis, left, right, top, bottom, low, high: high || 1, about: 4 });
  const each = (right - left) / count, every = Math.ceil((count * 30) / (right - left));
  values.forEach((v, k) => {
    const x = left + k * each;
    ink.fillStyle = COLOURS[p.meaning] || look.ink;
    ink.fillRect(x + each * 0.1, Math.min(y(v), y(0)), each * 0.8, Math.abs(y(v) - y(0)));
    if (spot?.bar === k) frame(ink, look.ink, x, top, 0, 0, each);
    if (k % every === 0) {
      const words = fit(ink, look, p.labels[k], Math.max(each * every - 4, 20));
      text(ink, look, words, x + each / 2, bottom + 14, "center");
    }
  });
  levels(ink, look, box, p.levels, y);
  text(ink, look, p.x, (left + right) / 2, bottom + 32, "center");
}

function levels(ink, look, { left, right }, named, y) {
  for (const [name, value] of Object.entries(named || {})) {
    line(ink, [[left, y(value)], [right, y(value)]], COLOURS.threshold, { width: 1.6, dash: [6, 4] });
    text(ink, look, name, right, y(value) - 8, "right");
  }
}

// Layers from top to bottom, each with its rate and what is sick of it.
function paintRates(ink, look, box, values, spot) {
  const { panel: p, left, right, top, bottom } = box;
  const from = left + 90, to = right - 150, each = (bottom - top) / values.length;
  const x = scale(0, p.high || 1, from, Math.max(to, from + 40));
  values.forEach((v, k) => {
    const y = top + (k + 0.5) * each;
    text(ink, look, fit(ink, look, p.labels[k], 140), from - 6, y, "right");
    ink.fillStyle = COLOURS[p.meaning];
    ink.fillRect(from, y - each * 0.3, x(v) - from, each * 0.6);
    if (spot?.bar === k) line(ink, [[from, y + each * 0.4], [x(v), y + each * 0.4]], look.ink, { width: 2 });
    text(ink, look, [v.toFixed(3), p.notes[k]].filter(Boolean).join(": "), x(v) + 6, y);
  });
  text(ink, look, p.axis, from, bottom + 14);
}

function locateBar({ panel: p, view, left, right, top, bottom }, px, py) {
  const count = p.labels.length;
  const share = p.sideways ? (py - top) / (bottom - top) : (px - left) / (right - left);
  const bar = Math.floor(share * count);
  return bar >= 0 && bar < count ? { view, bar } : null;
}

// First and last x of a curve, and where an x lies.
function across({ panel: p, left, right }) {
  const first = Math.min(...p.at.data), last = Math.max(...p.at.data);
  return [first, last, scale(first, first + (last - first || 1), left + 6, right - 6)];
}

function locateCurve(box, px) {
  const x = across(box)[2], away = [...box.panel.at.data].map((v) => Math.abs(x(v) - px));
  return { view: box.view, part: box.part, point: away.indexOf(Math.min(...away)) };
}

function paintCurve(ink, look, box, context, done) {
  const { panel: p, left, right, top, bottom } = box;
  const [count, size] = p.values.shape, xs = p.at.data;
  let low = Infinity, high = -Infinity;
  for (const v of [...p.values.data, ...Object.values(p.levels || {}), ...p.points.map((q) => q[1])]) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  if (low > 0 && low < high * 0.6) low = 0;
  const { y } = panel(ink, look, { title: "", axis: p.axis, left, right, top, bottom, low, high, about: 4 });
  const [first, last, x] = across(box);
  title(ink, look, box, p.title);
  for (let k = 0; k < count; k++) {
    const points = [];
    for (let m = 0; m < size; m++) points.push([x(xs[m]), y(p.values.data[k * size + m])]);
    const colour = COLOURS[p.meanings[k]] || look.ink;
    line(ink, points, colour, { width: 1.8, dash: DASHES[k % 4] });
    if (size <= 40) for (const [px, py] of points) dot(ink, px, py, colour, 2.2);
    done.points += size;
  }
  levels(ink, look, box, p.levels, y);
  if (context.spot) {
    const at = x(xs[context.spot.point]);
    line(ink, [[at, top], [at, bottom]], look.ink, { alpha: 0.6, dash: [2, 2] });
  }
  for (const [px, py, name] of p.points) {
    triangle(ink, x(px), y(py), look.ink);
    const end = x(px) > (left + right) / 2;
    text(ink, look, name, x(px) + (end ? -9 : 9), y(py) - 9, end ? "right" : "left");
  }
  const whole = xs.every(Number.isInteger), middle = (first + last) / 2;
  const grid = [first, whole ? Math.round(middle) : middle, last];
  for (const v of grid) text(ink, look, Number(v.toPrecision(3)), x(v), bottom + 14, "center");
  text(ink, look, p.x, (left + right) / 2, bottom + 32, "center");
}
