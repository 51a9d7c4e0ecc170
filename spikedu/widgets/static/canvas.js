// Ink on a canvas, in CSS pixels: a sharp surface, the theme's colours, axes, marks.

// Okabe and Ito's colours by meaning; a test holds them against spikedu.figures.style.
export const COLOURS = { membrane: "#0072B2", threshold: "#D55E00", current: "#009E73" };
export const LEFT = 62, RIGHT = 14;

// Read from what is in the page: CSS variables of a detached element are empty.
export function theme(el) {
  const body = getComputedStyle(document.body);
  const read = (name) => body.getPropertyValue(name).trim();
  return {
    ink: read("--jp-content-font-color1") || getComputedStyle(el).color,
    font: `12px ${read("--jp-ui-font-family") || "system-ui, sans-serif"}`,
  };
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
  return { at, low: at[0], high: at[at.length - 1], label: (y) => y.toFixed(digits) };
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

// Title above, horizontal grid with numbers to the left. Returns y(value).
export function panel(ink, look, { title, axis, top, bottom, width, low, high, about }) {
  const grid = ticks(low, high, about);
  const y = scale(grid.low, grid.high, bottom, top);
  for (const value of grid.at) {
    const right = width - RIGHT, at = y(value);
    line(ink, [[LEFT, at], [right, at]], look.ink, { alpha: value ? 0.12 : 0.35 });
    text(ink, look, grid.label(value), LEFT - 6, at, "right");
  }
  sideways(ink, look, axis, top, bottom);
  const used = text(ink, look, title, LEFT, top - 13, "left", "600");
  return { y, after: LEFT + used };
}

export function sideways(ink, look, words, top, bottom) {
  ink.save();
  ink.translate(12, (top + bottom) / 2);
  ink.rotate(-Math.PI / 2);
  text(ink, look, words, 0, 0, "center");
  ink.restore();
}
