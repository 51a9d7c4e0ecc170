// The three panels of the LIF explorer, from what simulate() found.

import { COLOURS, LEFT, RIGHT, theme, surface, scale, text, line, dot, triangle, panel, sideways } from "./canvas.js";
import { STEPS, NEURONS, fixed } from "./neuron.js";

const CURRENT = [28, 74], MEMBRANE = [112, 262], RASTER = [300, 400], HEIGHT = 446;

// Where a pointer is: {t, n}, n only over the raster; null outside the panels.
export function locate(x, y, width) {
  const t = Math.floor(scale(LEFT, width - RIGHT, 0, STEPS)(x));
  if (t < 0 || t >= STEPS || y < 0 || y > HEIGHT) return null;
  const n = Math.floor(scale(RASTER[0], RASTER[1], 0, NEURONS)(y));
  return { t, n: n >= 0 && n < NEURONS ? n : 0 };
}

// Paints, and returns what it painted: counts of the marks that are on the canvas.
export function paint(canvas, values, found, cursor) {
  const width = canvas.clientWidth, look = theme(canvas);
  const ink = surface(canvas, width, HEIGHT);
  const x = scale(0, STEPS, LEFT, width - RIGHT);
  const mid = (t) => x(t + 0.5);
  const painted = { spikes: 0, rasterSpikes: 0, firstSpike: "", ink: look.ink };

  paintCurrent(ink, look, width, x, found);
  paintMembrane(ink, look, width, mid, values, found, painted);
  paintRaster(ink, look, width, x, found, painted);
  for (let t = 0; t < STEPS; t += 20) text(ink, look, t, mid(t), RASTER[1] + 14, "center");
  const middle = (LEFT + width - RIGHT) / 2;
  text(ink, look, "time (steps)", middle, RASTER[1] + 34, "center");
  if (cursor) {
    const at = mid(cursor.t);
    line(ink, [[at, CURRENT[0]], [at, RASTER[1]]], look.ink, { alpha: 0.5, dash: [2, 2] });
  }
  return painted;
}

function paintCurrent(ink, look, width, x, { current }) {
  let low = 0, high = 0.5;
  for (let t = 0; t < STEPS; t++) {
    low = Math.min(low, current[t * NEURONS]);
    high = Math.max(high, current[t * NEURONS]);
  }
  const [top, bottom] = CURRENT;
  const { y } = panel(ink, look, {
    title: "input current of neuron 0", axis: "current", top, bottom, width, low, high,
    about: 2,
  });
  const points = [];
  for (let t = 0; t < STEPS; t++) {
    const at = y(current[t * NEURONS]);
    points.push([x(t), at], [x(t + 1), at]);
  }
  line(ink, points, COLOURS.current, { width: 1.8 });
}

function paintMembrane(ink, look, width, mid, { threshold }, { u, s }, painted) {
  let low = 0, high = threshold * 1.1;
  for (let t = 0; t < STEPS; t++) {
    low = Math.min(low, u[t * NEURONS]);
    high = Math.max(high, u[t * NEURONS]);
  }
  const [top, bottom] = MEMBRANE;
  const { y, after } = panel(ink, look, {
    title: "membrane potential of neuron 0", axis: "membrane", top, bottom, width, low,
    high, about: 4,
  });
  legend(ink, look, after + 16, top - 13, width, threshold);
  const dash = { width: 1.6, dash: [6, 4] };
  line(ink, [[LEFT, y(threshold)], [width - RIGHT, y(threshold)]], COLOURS.threshold, dash);
  const points = [];
  for (let t = 0; t < STEPS; t++) points.push([mid(t), y(u[t * NEURONS])]);
  line(ink, points, COLOURS.membrane, { width: 1.8 });
  points.forEach(([x, at], t) => {
    if (!s[t * NEURONS]) return dot(ink, x, at, COLOURS.membrane);
    triangle(ink, x, at, look.ink);
    if (painted.spikes++ === 0) painted.firstSpike = t;
  });
}

function legend(ink, look, x, y, width, threshold) {
  if (width < 560) return; // the text below says it too
  line(ink, [[x, y], [x + 22, y]], COLOURS.membrane, { width: 1.8 });
  dot(ink, x + 11, y, COLOURS.membrane);
  x += 28 + text(ink, look, "membrane", x + 28, y) + 14;
  line(ink, [[x, y], [x + 22, y]], COLOURS.threshold, { width: 1.6, dash: [6, 4] });
  x += 28 + text(ink, look, `threshold ${fixed(threshold)}`, x + 28, y) + 14;
  triangle(ink, x + 5, y, look.ink);
  text(ink, look, "spike", x + 16, y);
}

function paintRaster(ink, look, width, x, { s }, painted) {
  const [top, bottom] = RASTER, high = (bottom - top) / NEURONS;
  const title = `${NEURONS} neurons, each with its own noise`;
  text(ink, look, title, LEFT, top - 13, "left", "600");
  sideways(ink, look, "neuron", top, bottom);
  for (const n of [0, NEURONS - 1]) {
    text(ink, look, n, LEFT - 6, top + (n + 0.5) * high, "right");
  }
  // Neuron 0, whose membrane is above, on a band of the membrane's colour.
  ink.save();
  ink.globalAlpha = 0.25;
  ink.fillStyle = COLOURS.membrane;
  ink.fillRect(LEFT, top, width - RIGHT - LEFT, high);
  ink.restore();
  ink.fillStyle = look.ink;
  const thick = Math.max(1.5, Math.min(3, (x(1) - x(0)) * 0.4));
  for (let t = 0; t < STEPS; t++) {
    for (let n = 0; n < NEURONS; n++) {
      if (!s[t * NEURONS + n]) continue;
      ink.fillRect(x(t + 0.5) - thick / 2, top + n * high + 0.5, thick, high - 1);
      painted.rasterSpikes++;
    }
  }
  line(ink, [[LEFT, bottom], [width - RIGHT, bottom]], look.ink, { alpha: 0.35 });
}
