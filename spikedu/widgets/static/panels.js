// A screen of panels on one canvas. A screen is what spikedu/figures/canvas.py packs,
// or what a scene in the page computes in the same form; arrays are {data, shape}.

import { COLOURS, LEFT, RIGHT, theme, surface, scale, text, line, dot, triangle, panel, sideways, fit, measure, cividis } from "./canvas.js";

const TITLE = 30, AXIS = 40, GAP = 14, NARROW = 560;
const TIMED = new Set(["traces", "raster"]);
const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];

const KINDS = {
  traces: { height: (p) => (p.steps ? 46 : 150), paint: paintTraces },
  raster: { height: rasterHeight, paint: paintRaster },
  heat: { height: heatHeight, paint: paintHeat, locate: locateHeat },
  bars: { height: barsHeight, paint: paintBars, locate: locateBar },
  curve: { height: () => 170, paint: paintCurve },
};

// More kinds come from other files: {height(panel, width), paint(...), locate(...)}.
export function register(kind, how) {
  KINDS[kind] = how;
}

// Where each panel lies, in CSS pixels. Tables stand below the canvas, in the page.
export function layout(screen, width) {
  const boxes = [];
  let view = 0, bottom = 0;
  for (const row of screen.rows) {
    const columns = row.map((panels) => ({ view: view++, panels }))
      .filter(({ panels }) => panels.some((p) => p.kind !== "terms"));
    const beside = width >= NARROW || columns.length === 1;
    const each = beside ? width / Math.max(columns.length, 1) : width;
    const start = bottom;
    columns.forEach(({ view: number, panels }, k) => {
      let top = beside ? start : bottom;
      const left = (beside ? k * each : 0) + LEFT;
      const right = (beside ? k * each : 0) + each - RIGHT;
      panels.forEach((p, n) => {
        const high = KINDS[p.kind].height(p, right - left);
        const timed = TIMED.has(p.kind);
        const next = panels[n + 1] || (columns.length === 1 && below(screen, row));
        const axis = p.kind !== "heat" && !(timed && next && TIMED.has(next.kind));
        const box = { panel: p, view: number, left, right, timed, axis };
        box.top = top + TITLE;
        box.bottom = box.top + high;
        top = box.bottom + (axis ? AXIS : GAP);
        boxes.push(box);
      });
      bottom = Math.max(bottom, top);
    });
  }
  return { boxes, height: Math.max(bottom, 40) };
}

// The first panel of the next row, where that row is one column: one time axis for both.
function below(screen, row) {
  const next = screen.rows[screen.rows.indexOf(row) + 1];
  return next?.length === 1 ? next[0][0] : null;
}

// Paints, and returns what it painted: counts of the marks that are on the canvas.
export function paint(canvas, screen, cursor, spot) {
  const width = canvas.clientWidth, look = theme(canvas);
  const { boxes, height } = layout(screen, width);
  const ink = surface(canvas, width, height);
  const done = { spikes: 0, rasterSpikes: 0, cells: 0, bars: 0, points: 0, firstSpike: "" };
  done.ink = look.ink;
  const t = cursor ? cursor.t : screen.at;
  for (const box of boxes) {
    const { panel: p } = box;
    const x = scale(0, Math.max(screen.steps, 1), box.left, box.right);
    const own = spot && spot.view === box.view ? spot : null;
    KINDS[p.kind].paint(ink, look, box, { x, t, cursor, spot: own, screen }, done);
    if (box.timed && box.axis) timeAxis(ink, look, box, x, screen.steps);
    if (cursor && box.timed) {
      const at = x(cursor.t + 0.5);
      line(ink, [[at, box.top], [at, box.bottom]], look.ink, { alpha: 0.6, dash: [2, 2] });
    }
  }
  return done;
}

// What is at a point: {view, t, n}, {view, tile, row, column}, {view, bar} or null.
export function locate(screen, width, px, py) {
  const { boxes, height } = layout(screen, width);
  if (py < 0 || py > height) return null;
  const inside = ({ left, right, top, bottom }) =>
    px >= left && px < right && py >= top - TITLE && py < bottom + AXIS;
  const box = boxes.find((b) => inside(b) && py < b.bottom) || boxes.find(inside);
  if (!box) return null;
  const how = KINDS[box.panel.kind];
  if (how.locate) return how.locate(box, px, py, screen);
  if (!box.timed) return null;
  const t = Math.floor(scale(box.left, box.right, 0, screen.steps)(px));
  const found = { view: box.view, t: Math.max(0, Math.min(screen.steps - 1, t)) };
  if (box.panel.kind === "raster" && py >= box.top && py < box.bottom) {
    const rows = box.panel.neurons.length;
    found.n = Math.floor(scale(box.top, box.bottom, 0, rows)(py));
  }
  return found;
}

function timeAxis(ink, look, box, x, steps) {
  const room = Math.max(1, Math.ceil((steps * 34) / (box.right - box.left)));
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((k) => k >= room) || room;
  for (let t = 0; t < steps; t += every) {
    text(ink, look, t, x(t + 0.5), box.bottom + 14, "center");
  }
  text(ink, look, "time (steps)", (box.left + box.right) / 2, box.bottom + 32, "center");
}

export function title(ink, look, box, words, right = box.right) {
  const { left, top } = box;
  const shown = fit(ink, look, words, right - left, "600");
  return left + text(ink, look, shown, left, top - 13, "left", "600");
}

// ---------------------------------------------------------------- traces
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
  const after = title(ink, look, box, p.title);
  if (p.threshold !== undefined) {
    legend(ink, look, after + 16, top - 13, box, p);
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

function legend(ink, look, x, y, { right }, p) {
  const entry = (words, mark, wide) => {
    if (x + wide > right) return; // the text below says it too
    mark();
    x += wide + text(ink, look, words, x + wide, y) + 14;
  };
  const stroke = (colour, dash) => () => line(ink, [[x, y], [x + 22, y]], colour, { width: 1.8, dash });
  p.names.forEach((name, k) => entry(name, stroke(COLOURS[p.meaning], DASHES[k % 4]), 28));
  entry(`threshold ${p.threshold.toFixed(2)}`, stroke(COLOURS.threshold, [6, 4]), 28);
  if (p.spikes) entry("spike", () => triangle(ink, x + 5, y, look.ink), 16);
}

// ---------------------------------------------------------------- rasters
function rasterHeight({ neurons: { length } }) {
  return Math.min(Math.max(length * (length > 16 ? 5 : 14), 36), 260);
}

function paintRaster(ink, look, box, { x, cursor }, done) {
  const { panel: p, left, right, top, bottom } = box;
  const rows = p.neurons.length, high = (bottom - top) / rows;
  const [a, b] = p.spikes, steps = a.shape[0];
  let after = title(ink, look, box, p.title);
  sideways(ink, look, "neuron", left, top, bottom);
  const label = (n) => text(ink, look, p.neurons[n], left - 6, top + (n + 0.5) * high, "right");
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
  const thick = Math.max(1, Math.min(3, (x(1) - x(0)) * 0.4, 3));
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
  if (b) keyOfDifference(ink, look, after + 14, box, p);
  line(ink, [[left, bottom], [right, bottom]], look.ink, { alpha: 0.35 });
}

function keyOfDifference(ink, look, x, { top }, { names }) {
  const y = top - 19;
  const marks = [["both", look.ink, 0, 12], [`only ${names[0]} (upper half)`, COLOURS.membrane, 0, 6],
    [`only ${names[1]} (lower half)`, COLOURS.threshold, 6, 6]];
  for (const [words, colour, from, high] of marks) {
    ink.fillStyle = colour;
    ink.fillRect(x, y + from, 3, high);
    x += 8 + text(ink, look, words, x + 8, top - 13) + 14;
  }
}

// ---------------------------------------------------------------- maps
function tiles({ values: { shape: [, count, rows, columns] }, names }, width) {
  const side = count === 1 ? 210 : count <= 4 ? 150 : count <= 12 ? 96 : 60;
  const most = Math.min(side / Math.max(rows, columns), width / columns);
  const cell = Math.max(1, most >= 3 ? Math.floor(most) : most);
  const high = rows * cell, wide = columns * cell, head = names.some(Boolean) ? 18 : 4;
  const each = Math.max(wide, count > 1 ? 52 : 0) + 12;
  const across = Math.max(1, Math.min(count, Math.floor((width + 12) / each)));
  return { cell, high, wide, head, across, each, down: Math.ceil(count / across) };
}

function heatHeight(p, width) {
  const { down, high, head } = tiles(p, width);
  return down * (high + head + 6);
}

function paintHeat(ink, look, box, { t, spot }, done) {
  const { panel: p, left, top, right } = box;
  const [times, count, rows, columns] = p.values.shape;
  const { cell, high, wide, head, across, each } = tiles(p, right - left);
  const size = rows * columns, from = Math.min(t ?? times, times - 1) * count * size;
  const tint = (v) => (p.binary ? (v ? look.rgb : null) : cividis((v - p.low) / (p.high - p.low)));
  const key = colourKey(ink, look, box, p);
  title(ink, look, box, p.title, key - 10);
  for (let k = 0; k < count; k++) {
    const x = left + (k % across) * each, y = top + Math.floor(k / across) * (high + head + 6) + head;
    if (p.names[k]) text(ink, look, fit(ink, look, p.names[k], each - 4), x, y - 9);
    const values = p.values.data.subarray(from + k * size, from + (k + 1) * size);
    picture(ink, values, rows, columns, tint, x, y, wide, high);
    done.cells += size;
    line(ink, [[x, y], [x + wide, y], [x + wide, y + high], [x, y + high], [x, y]], look.ink, { alpha: 0.4 });
    if (cell >= 18 && !p.binary) numbers(ink, look, values, columns, cell, x, y, p);
    for (const [tile, r, c] of p.marked) if (tile === k) frame(ink, COLOURS.threshold, x, y, r, c, cell);
    if (spot && spot.tile === k) frame(ink, look.ink, x, y, spot.row, spot.column, cell);
  }
  if (count === 1) {
    text(ink, look, `${p.columns} to the right`, left, top + high + head + 12);
    sideways(ink, look, p.rows, left + 18, top + head, top + head + high);
  }
}

// One pixel a cell on a canvas of its own, then enlarged without smoothing.
function picture(ink, values, rows, columns, tint, x, y, wide, high) {
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const pen = small.getContext("2d"), image = pen.createImageData(columns, rows);
  values.forEach((v, k) => {
    const rgb = tint(v);
    if (rgb) image.data.set([...rgb, 255], 4 * k);
  });
  pen.putImageData(image, 0, 0);
  ink.imageSmoothingEnabled = false;
  ink.drawImage(small, x, y, wide, high);
}

function numbers(ink, look, values, columns, cell, x, y, { low, high }) {
  values.forEach((v, k) => {
    const dark = (v - low) / (high - low) < 0.55;
    const words = Number.isInteger(v) ? String(v) : cell >= 30 ? v.toFixed(2) : "";
    const at = [x + ((k % columns) + 0.5) * cell, y + (Math.floor(k / columns) + 0.5) * cell];
    text(ink, { ...look, ink: dark ? "#fff" : "#000" }, words, ...at, "center");
  });
}

function frame(ink, colour, x, y, row, column, cell) {
  ink.strokeStyle = colour;
  ink.lineWidth = 2;
  ink.strokeRect(x + column * cell - 1, y + row * cell - 1, cell + 2, cell + 2);
}

// To the right of the title: what is dark, what is bright. Returns where it begins.
function colourKey(ink, look, { right, top }, p) {
  const y = top - 13;
  const show = (v) => (Number.isInteger(v) ? v : v.toPrecision(2));
  const words = p.binary ? "spike" : `${show(p.high)} ${p.unit}`;
  const wide = measure(ink, look, words);
  let x = right - wide;
  text(ink, look, words, x, y);
  if (p.binary) {
    ink.fillStyle = look.ink;
    ink.fillRect(x - 16, y - 5, 10, 10);
    return x - 16;
  }
  for (let k = 0; k < 50; k++) {
    ink.fillStyle = `rgb(${cividis(k / 49)})`;
    ink.fillRect(x - 56 + k, y - 5, 1.5, 10);
  }
  const end = String(show(p.low));
  x -= 62 + measure(ink, look, end);
  text(ink, look, end, x, y);
  return x;
}

function locateHeat(box, px, py) {
  const { panel: p, view, left, top, right } = box;
  const [, count, rows, columns] = p.values.shape;
  const { cell, high, head, across, each } = tiles(p, right - left);
  const a = Math.floor((px - left) / each), b = Math.floor((py - top) / (high + head + 6));
  const tile = b * across + a;
  const column = Math.floor((px - left - a * each) / cell);
  const row = Math.floor((py - top - b * (high + head + 6) - head) / cell);
  const inside = a >= 0 && a < across && b >= 0 && tile < count;
  if (!inside || row < 0 || row >= rows || column < 0 || column >= columns) return null;
  return { view, tile, row, column };
}

// ---------------------------------------------------------------- bars and curves
function barsHeight(p) {
  return p.sideways ? Math.max(p.labels.length * 22, 44) : 140;
}

function paintBars(ink, look, box, { t, spot }, done) {
  const { panel: p, left, right, top, bottom } = box;
  const [times, count] = p.values.shape;
  const values = p.values.data.subarray(Math.min(t ?? times, times - 1) * count).subarray(0, count);
  done.bars += count;
  title(ink, look, box, p.title);
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
    text(ink, look, `${v.toFixed(3)} ${p.notes[k]}`, x(v) + 6, y);
  });
  text(ink, look, p.axis, from, bottom + 14);
}

function locateBar({ panel: p, view, left, right, top, bottom }, px, py) {
  const count = p.labels.length;
  const share = p.sideways ? (py - top) / (bottom - top) : (px - left) / (right - left);
  const bar = Math.floor(share * count);
  return bar >= 0 && bar < count ? { view, bar } : null;
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
  let wide = 1e-9;
  const first = Math.min(...xs), last = Math.max(...xs);
  wide = last - first || 1;
  const x = scale(first, first + wide, left + 6, right - 6);
  let after = title(ink, look, box, p.title) + 16;
  for (let k = 0; k < count; k++) {
    const points = [];
    for (let m = 0; m < size; m++) points.push([x(xs[m]), y(p.values.data[k * size + m])]);
    const colour = COLOURS[p.meanings[k]] || look.ink;
    line(ink, points, colour, { width: 1.8, dash: DASHES[k % 4] });
    if (size <= 40) for (const [px, py] of points) dot(ink, px, py, colour, 2.2);
    done.points += size;
    if (after + 28 < right) {
      line(ink, [[after, top - 13], [after + 22, top - 13]], colour, { width: 1.8, dash: DASHES[k % 4] });
      after += 28 + text(ink, look, fit(ink, look, p.names[k], right - after - 28), after + 28, top - 13) + 14;
    }
  }
  levels(ink, look, box, p.levels, y);
  for (const [px, py, name] of p.points) {
    triangle(ink, x(px), y(py), look.ink);
    const end = x(px) > (left + right) / 2;
    text(ink, look, name, x(px) + (end ? -9 : 9), y(py) - 9, end ? "right" : "left");
  }
  const grid = [first, (first + last) / 2, last];
  for (const v of grid) text(ink, look, Number(v.toPrecision(3)), x(v), bottom + 14, "center");
  text(ink, look, p.x, (left + right) / 2, bottom + 32, "center");
}
