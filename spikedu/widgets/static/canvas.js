// Ink on a canvas, in CSS pixels: a sharp surface, the theme's colours, axes, marks.

// Okabe and Ito's colours by meaning; a test holds them against spikedu.figures.style.
export const COLOURS = {
  membrane: "#0072B2", threshold: "#D55E00", current: "#009E73", Q: "#E69F00",
  K: "#56B4E9", V: "#CC79A7", train: "#0072B2", test: "#D55E00", baseline: "#7F7F7F",
};
// matplotlib's cividis at nine places: dark blue to yellow, for colour-blind eyes too.
const CIVIDIS = [
  [0, 34, 78], [26, 56, 111], [67, 78, 108], [97, 101, 111], [125, 124, 120],
  [155, 148, 118], [188, 174, 108], [222, 201, 88], [254, 232, 56],
];
// Traces of one meaning: same colour, next pattern.
export const DASHES = [[], [6, 4], [2, 3], [8, 3, 2, 3]];
export const LEFT = 62, RIGHT = 14;

// Read from what is in the page: CSS variables of a detached element are empty.
export function theme(el) {
  const body = getComputedStyle(document.body);
  const read = (name) => body.getPropertyValue(name).trim();
  const ink = read("--jp-content-font-color1") || getComputedStyle(el).color;
  return {
    ink,
    rgb: channels(ink),
    font: `12px ${read("--jp-ui-font-family") || "system-ui, sans-serif"}`,
  };
}

// [r, g, b] of any CSS colour: the browser is asked to paint it.
const known = new Map();
function channels(colour) {
  if (known.has(colour)) return known.get(colour);
  const one = document.createElement("canvas");
  one.width = one.height = 1;
  const ink = one.getContext("2d");
  ink.fillStyle = colour;
  ink.fillRect(0, 0, 1, 1);
  known.set(colour, [...ink.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
  return known.get(colour);
}

export function cividis(share) {
  const at = Math.min(Math.max(share, 0), 1) * (CIVIDIS.length - 1);
  const k = Math.min(Math.floor(at), CIVIDIS.length - 2), rest = at - k;
  return CIVIDIS[k].map((c, i) => Math.round(c + (CIVIDIS[k + 1][i] - c) * rest));
}

export function measure(ink, look, words, weight = "") {
  ink.font = `${weight} ${look.font}`;
  return ink.measureText(words).width;
}

// Words that fit into so many pixels, with an ellipsis where they do not.
export function fit(ink, look, words, wide, weight = "") {
  if (measure(ink, look, words, weight) <= wide) return words;
  let most = words.length;
  while (most > 1 && measure(ink, look, `${words.slice(0, most)}…`, weight) > wide) most--;
  return `${words.slice(0, most)}…`;
}

// A context whose unit is the CSS pixel, whatever the screen's density and the zoom.
export function surface(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const ink = canvas.getContext("2d");
  ink.setTransform(ratio, 0, 0, ratio, 0, 0);
  ink.clearRect(0, 0, width, height);
  return ink;
}

// Round numbers from `low` to `high`, about `about` of them, and the range they span.
export function ticks(low, high, about) {
  const raw = (high - low) / about || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((m) => m >= raw * 0.999);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  const at = [];
  for (let k = first; k <= last; k++) at.push(k * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  // A gradient of 0.00000004 leaves no room for its axis: 4e-8.
  const tiny = (y) => (y ? String(Number(y.toPrecision(2))) : "0");
  const label = (y) => (digits > 4 ? tiny(y) : y.toFixed(digits));
  return { at, low: at[0], high: at[at.length - 1], label };
}

export function scale(low, high, from, to) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

export function text(ink, look, words, x, y, align = "left", weight = "") {
  ink.font = `${weight} ${look.font}`;
  ink.fillStyle = look.ink;
  ink.textAlign = align;
  ink.textBaseline = "middle";
  ink.fillText(words, x, y);
  return ink.measureText(words).width;
}

export function line(ink, points, colour, { width = 1, dash = [], alpha = 1 } = {}) {
  ink.save();
  ink.globalAlpha = alpha;
  ink.strokeStyle = colour;
  ink.lineWidth = width;
  ink.setLineDash(dash);
  ink.beginPath();
  points.forEach(([x, y], k) => (k ? ink.lineTo(x, y) : ink.moveTo(x, y)));
  ink.stroke();
  ink.restore();
}

export function dot(ink, x, y, colour, radius = 1.8) {
  ink.fillStyle = colour;
  ink.beginPath();
  ink.arc(x, y, radius, 0, 2 * Math.PI);
  ink.fill();
}

export function triangle(ink, x, y, colour, size = 4.5) {
  ink.fillStyle = colour;
  ink.beginPath();
  ink.moveTo(x, y - size);
  ink.lineTo(x + size, y + size * 0.8);
  ink.lineTo(x - size, y + size * 0.8);
  ink.fill();
}

// Horizontal grid with numbers to the left. Returns y(value).
export function panel(ink, look, { axis, left, right, top, bottom, low, high, about }) {
  const grid = ticks(low, high, about);
  const y = scale(grid.low, grid.high, bottom, top);
  for (const value of grid.at) {
    const at = y(value);
    line(ink, [[left, at], [right, at]], look.ink, { alpha: value ? 0.12 : 0.35 });
    text(ink, look, grid.label(value), left - 6, at, "right");
  }
  sideways(ink, look, axis, left, top, bottom);
  return { y };
}

// Upwards, at the left of a panel, no longer than the panel is high.
export function sideways(ink, look, words, left, top, bottom) {
  ink.save();
  ink.translate(left - LEFT + 12, (top + bottom) / 2);
  ink.rotate(-Math.PI / 2);
  text(ink, look, fit(ink, look, words, Math.max(bottom - top + 24, 50)), 0, 0, "center");
  ink.restore();
}
