// A screen of panels on one canvas. A screen is what spikedu/figures/canvas.py packs,
// or what a scene in the page computes in the same form; arrays are {data, shape}.

import { LEFT, RIGHT, theme, surface, scale, text, line, fit } from "./canvas.js";
import { LEGEND_ROW, legend, paintLegend } from "./legend.js";

const TITLE = 30, AXIS = 40, GAP = 14, NARROW = 560;
const TIMED = new Set(["traces", "raster"]);

const KINDS = {};

// Kinds of panels, from other files: {height(panel, width), paint(...), locate(...)}.
export function register(kind, how) {
  KINDS[kind] = how;
}

// Where each panel lies, in CSS pixels. Tables stand below the canvas, in the page.
export function layout(screen, width, look) {
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
        const box = { panel: p, view: number, part: n, left, right, timed, axis };
        box.legend = legend(look, p, left, right);
        box.titleAt = top + TITLE - 13;
        box.top = top + TITLE + LEGEND_ROW * box.legend.rows;
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
  const { boxes, height } = layout(screen, width, look);
  const ink = surface(canvas, width, height);
  const done = { spikes: 0, rasterSpikes: 0, cells: 0, bars: 0, points: 0, firstSpike: "" };
  done.ink = look.ink;
  const t = cursor ? cursor.t : screen.at;
  // Where a click chooses the step, the one that is chosen is marked.
  const chosen = Object.values(screen.picks || {}).some((part) => part.t);
  for (const box of boxes) {
    const { panel: p } = box;
    const x = scale(0, Math.max(screen.steps, 1), box.left, box.right);
    const own = spot && spot.view === box.view && (spot.part ?? 0) === box.part ? spot : null;
    KINDS[p.kind].paint(ink, look, box, { x, t, cursor, spot: own, screen }, done);
    paintLegend(ink, look, box);
    if (box.timed && box.axis) timeAxis(ink, look, box, x, screen.steps);
    const upright = (t, how) =>
      line(ink, [[x(t + 0.5), box.top], [x(t + 0.5), box.bottom]], look.ink, how);
    if (chosen && box.timed) upright(screen.at, { alpha: 0.35, width: 2 });
    if (cursor && box.timed) upright(cursor.t, { alpha: 0.6, dash: [2, 2] });
  }
  return done;
}

// What is at a point: {view, t, n}, {view, tile, row, column}, {view, bar} or null.
export function locate(canvas, screen, px, py) {
  const { boxes, height } = layout(screen, canvas.clientWidth, theme(canvas));
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
    const rows = box.panel.neurons.data.length;
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
  const shown = fit(ink, look, words, right - box.left, "600");
  text(ink, look, shown, box.left, box.titleAt, "left", "600");
}
