// The neuron as a circuit, and Eq. (1) in numbers: `figures/static/circuit.py` draws the
// same, on the same field of 100 x 70.

import { COLOURS, text, line, fit } from "./canvas.js";
import { register, title } from "./panels.js";

const SYMBOLS = [[7, "U[t+1]"], [29, "b U[t]"], [55, "W X[t+1]"], [85, "S[t] U_th"]];
const SIGNS = [[17, "="], [42, "+"], [69, "−"]];
const KEPT = 0, INPUT = 1, RESET = 2; // the terms, as `cause` counts them

register("circuit", { height: () => 250, paint: paintCircuit });

function paintCircuit(ink, look, box, { t: asked }, done) {
  const { panel: p, left, right, top, bottom } = box;
  const [count, steps] = p.values.shape, t = Math.min(asked, steps - 1);
  const [current, kept, leak, reset, u] = Array.from({ length: count }, (_, k) => p.values.data[k * steps + t]);
  const fires = p.spikes.data[t], cause = p.cause.data[t];
  const wide = Math.min(right - left, 460);
  const x = (a) => left + (a / 100) * wide, y = (b) => top + (b / 70) * (bottom - top);
  const wire = (points, width = 1) => line(ink, points.map(([a, b]) => [x(a), y(b)]), look.ink, { width });
  const say = (words, a, b, bold = false, align = "center") =>
    text(ink, look, words, x(a), y(b), align, bold ? "700" : "");
  const label = (a, name, value, caused) => {
    // A quarter of the picture each: a neighbour's words begin there.
    say(fit(ink, look, (caused ? "▶ " : "") + name, wide * 0.25, "700"), a, 62, caused);
    say(value.toFixed(2), a, 67.5, caused);
  };
  const rect = (a, b, width, high, fill) => {
    ink.beginPath();
    ink.rect(x(a), y(b), x(a + width) - x(a), y(b + high) - y(b));
    fillOrEmpty(ink, look, fill);
  };
  const flow = (colour, a, from, long, value) => {
    if (value === 0) return;
    const ends = value < 0 ? [from + long, from] : [from, from + long];
    arrow(ink, x(a), y(ends[0]), y(ends[1]), 1 + (7 * Math.abs(value)) / p.most, colour);
  };
  title(ink, look, box, `${p.title}, step ${t}`);

  [u, kept, current, reset].forEach((value, k) => {
    const [a, symbol] = SYMBOLS[k], caused = cause >= 0 && k === cause + 1;
    say(symbol, a, 3, caused);
    say(value.toFixed(2), a, 9, caused);
    if (!caused) return;
    ink.strokeStyle = COLOURS.threshold;
    ink.lineWidth = 2;
    ink.strokeRect(x(a - 10), y(0), x(20) - x(0), y(12) - y(0));
  });
  for (const [a, sign] of SIGNS) [3, 9].forEach((b) => say(sign, a, b));

  for (const b of [22, 58]) wire([[12, b], [88, b]]);
  for (const a of [12, 36, 60]) wire([[a, 22], [a, 58]]);
  ink.beginPath();
  ink.arc(x(12), y(40), (6 / 100) * wide, 0, 2 * Math.PI);
  fillOrEmpty(ink, look, null);
  flow(COLOURS.current, 12, 45, -10, current);
  label(12, "input W X", current, cause === INPUT);

  rect(33, 26, 6, 13, null);
  flow(COLOURS.membrane, 36, 44, 10, leak);
  label(36, "leak (1−b)U", leak, false);

  const level = (v) => 54 - (28 * (v - p.low)) / (p.high - p.low);
  rect(52, 26, 16, 28, null);
  rect(52, Math.min(level(0), level(u)), 16, Math.abs(level(0) - level(u)), COLOURS.membrane);
  const edge = y(level(p.threshold));
  line(ink, [[x(50), edge], [x(73), edge]], COLOURS.threshold, { width: 1.8, dash: [6, 4] });
  say("U_th", 49, level(p.threshold), false, "right");
  if (edge < y(level(0)) - 14) say("0", 49, level(0), false, "right");
  label(60, "U", u, cause === KEPT);

  const closed = reset !== 0;
  wire([[88, 22], [88, 30]]);
  wire([[88, 30], closed ? [88, 40] : [95, 38]], 2.5);
  wire([[88, 40], [88, 58]]);
  flow(COLOURS.threshold, 88, 45, 10, reset);
  label(88, "reset S U_th", reset, cause === RESET);
  ink.beginPath();
  for (const [a, b] of [[73, 30], [73, 40], [81, 35]]) ink.lineTo(x(a), y(b));
  ink.closePath();
  fillOrEmpty(ink, look, fires ? look.ink : null);
  line(ink, [[x(81), y(35)], [x(87), y(35)]], look.ink, { dash: [2, 2] });
  say(fires ? "U > U_th: spike" : "U ≤ U_th: no spike", 78, 17.5, Boolean(fires));
  done.circuitStep = t;
}

// Filled with a colour; or emptied, so that no wire is seen inside, and outlined.
function fillOrEmpty(ink, look, colour) {
  if (colour) {
    ink.fillStyle = colour;
    ink.fill();
  } else {
    ink.save();
    ink.globalCompositeOperation = "destination-out";
    ink.fill();
    ink.restore();
  }
  ink.strokeStyle = look.ink;
  ink.lineWidth = 1;
  ink.stroke();
}

function arrow(ink, x, from, to, width, colour) {
  const way = Math.sign(to - from), head = width + 5;
  line(ink, [[x, from], [x, to - way * head * 0.6]], colour, { width });
  ink.fillStyle = colour;
  ink.beginPath();
  ink.moveTo(x, to + way * 3);
  ink.lineTo(x - head * 0.75, to - way * head * 0.8);
  ink.lineTo(x + head * 0.75, to - way * head * 0.8);
  ink.fill();
}
