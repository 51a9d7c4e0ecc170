// Panels with a time axis: traces with their threshold, and rasters.

import { COLOURS, DASHES, text, line, dot, triangle, panel, sideways } from "./canvas.js";
import { register, title } from "./panels.js";

register("traces", { height: (p) => (p.steps ? 46 : 150), paint: paintTraces });
register("raster", { height: rasterHeight, paint: paintRaster });

function paintTraces(ink, look, box, { x }, done) {
  const { panel: p, left, right, top, bottom } = box;
  const [steps, count] = p.lines.shape, { data } = p.lines;
  let low = 0, high = p.high ?? 0;
  for (const value of data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const look4 = { title: "", axis: p.axis, left, right, top, bottom, low, high };
  const { y } = panel(ink, look, { ...look4, about: p.steps ? 2 : 4 });
  title(ink, look, box, p.title);
  if (p.threshold !== undefined) {
    const level = y(p.threshold), dash = { width: 1.6, dash: [6, 4] };
    line(ink, [[left, level], [right, level]], COLOURS.threshold, dash);
  }
  for (let k = 0; k < count; k++) {
    const points = [], colour = COLOURS[p.meaning] || look.ink;
    for (let t = 0; t < steps; t++) {
      const at = y(data[t * count + k]);
      if (p.steps) points.push([x(t), at], [x(t + 1), at]);
      else points.push([x(t + 0.5), at]);
    }
    line(ink, points, colour, { width: 1.8, dash: DASHES[k % 4], alpha: k ? 0.75 : 1 });
    if (!p.spikes) continue;
    points.forEach(([px, py], t) => {
      if (!p.spikes.data[t * count + k]) return steps <= 200 && dot(ink, px, py, colour);
      triangle(ink, px, py, look.ink);
      if (done.spikes++ === 0) done.firstSpike = t;
    });
  }
}

// ---------------------------------------------------------------- rasters
function rasterHeight({ neurons: { data: { length } } }) {
  return Math.min(Math.max(length * (length > 16 ? 5 : 14), 36), 260);
}

function paintRaster(ink, look, box, { x, cursor }, done) {
  const { panel: p, left, right, top, bottom } = box;
  const rows = p.neurons.data.length, high = (bottom - top) / rows;
  const [a, b] = p.spikes, steps = a.shape[0];
  title(ink, look, box, p.title);
  sideways(ink, look, "neuron", left, top, bottom);
  const label = (n) => text(ink, look, p.neurons.data[n], left - 6, top + (n + 0.5) * high, "right");
  const all = high >= 12;
  for (let n = 0; n < rows; n++) if (all || n === 0 || n === rows - 1) label(n);
  for (const [row, alpha] of [[p.marked, 0.25], [cursor?.n, 0.18]]) {
    if (row === null || row === undefined || row >= rows) continue;
    ink.save();
    ink.globalAlpha = alpha;
    ink.fillStyle = COLOURS.membrane;
    ink.fillRect(left, top + row * high, right - left, high);
    ink.restore();
  }
  const step = x(1) - x(0); // of a short recording wide: so is its mark, to be seen
  const thick = Math.max(1, Math.min(3, step * 0.4), Math.min(step * 0.2, 14));
  const full = high >= 4 ? high - 1 : high;
  const mine = COLOURS[p.meaning] || look.ink;
  for (let t = 0; t < steps; t++) {
    const px = x(t + 0.5) - thick / 2;
    for (let n = 0; n < rows; n++) {
      const k = t * rows + n, one = a.data[k], other = b ? b.data[k] : one;
      if (!one && !other) continue;
      const both = one && other, y = top + n * high + (high > full ? 0.5 : 0);
      ink.fillStyle = both ? mine : one ? COLOURS.membrane : COLOURS.threshold;
      ink.fillRect(px - (both ? 0 : 0.5), y + (other && !one ? full / 2 : 0),
        thick + (both ? 0 : 1), both ? full : full / 2);
      done.rasterSpikes++;
    }
  }
  line(ink, [[left, bottom], [right, bottom]], look.ink, { alpha: 0.35 });
}
