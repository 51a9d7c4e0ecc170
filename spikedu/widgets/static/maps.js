// Maps: cells of spikes or of numbers, several side by side.

import { COLOURS, text, line, sideways, fit, measure, cividis } from "./canvas.js";
import { register, title } from "./panels.js";

register("heat", { height: heatHeight, paint: paintHeat, locate: locateHeat });

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

// The title of a map that changes in time names the step that is shown.
export function stepOf(p, t) {
  const times = p.values.shape[0];
  return times > 1 ? `${p.title}, step ${Math.min(t ?? times, times - 1)}` : p.title;
}

function paintHeat(ink, look, box, { t, spot }, done) {
  const { panel: p, left, top, right } = box;
  const [times, count, rows, columns] = p.values.shape;
  const { cell, high, wide, head, across, each } = tiles(p, right - left);
  const size = rows * columns, from = Math.min(t ?? times, times - 1) * count * size;
  const tint = (v) => (p.binary ? (v ? look.rgb : null) : cividis((v - p.low) / (p.high - p.low)));
  const key = colourKey(ink, look, box, p);
  title(ink, look, box, stepOf(p, t), key - 10);
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

// All of a map's numbers, or none: half of them would look like the only ones.
function numbers(ink, look, values, columns, cell, x, y, { low, high }) {
  if (cell < 30 && !values.every(Number.isInteger)) return;
  values.forEach((v, k) => {
    const dark = (v - low) / (high - low) < 0.55;
    const words = Number.isInteger(v) ? String(v) : v.toFixed(2);
    const at = [x + ((k % columns) + 0.5) * cell, y + (Math.floor(k / columns) + 0.5) * cell];
    text(ink, { ...look, ink: dark ? "#fff" : "#000" }, words, ...at, "center");
  });
}

export function frame(ink, colour, x, y, row, column, cell) {
  ink.strokeStyle = colour;
  ink.lineWidth = 2;
  ink.strokeRect(x + column * cell - 1, y + row * cell - 1, cell + 2, cell + 2);
}

// To the right of the title: what is dark, what is bright. Returns where it begins.
function colourKey(ink, look, { right, titleAt: y }, p) {
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
