// The picture under the keyboard: a step of time and a neuron, or a cell of a map.

import { home } from "./words.js";

const FAR = 1e9;
const START = { heat: { tile: 0, row: 0, column: 0 }, bars: { bar: 0 }, curve: { point: 0 } };

// What a key does to the cursor (time, neuron) and the spot (a cell of a map, a bar).
export function keyed(key, screen, cursor, spot) {
  const flat = screen.rows.flat();
  const rows = flat.flat().find((p) => p.kind === "raster")?.neurons.data.length || 1;
  const spots = flat.flatMap((panels, view) => panels.flatMap((p, part) =>
    START[p.kind] ? [{ view, part, ...START[p.kind] }] : []));
  if (key === "PageDown" || key === "PageUp" || (!screen.steps && !spot)) {
    if (key === "Escape" || key === "Enter" || !spots.length) return undefined;
    const now = spots.findIndex((s) => s.view === spot?.view && s.part === (spot.part ?? 0));
    const way = key === "PageUp" ? -1 : 1;
    return { cursor, spot: spots[spot ? now + way : way > 0 ? 0 : spots.length - 1] || null };
  }
  if (key === "Escape") return { cursor: null, spot: null };
  if (spot) {
    if (key === "Enter" || key === " ") return { pick: spot };
    return { cursor, spot: stepped(key, flat[spot.view][spot.part ?? 0], spot) };
  }
  const last = screen.steps - 1, { t, n } = cursor || { t: 0 }, row = n ?? home(screen) ?? 0;
  if (key === "Enter" || key === " ") {
    const view = Object.keys(screen.picks || {}).map(Number)
      .find((v) => flat[v].some((p) => p.kind === "raster" || p.kind === "traces"));
    return cursor && view !== undefined ? { pick: { view, t, n: row } } : undefined;
  }
  const to = {
    ArrowLeft: { t: cursor ? Math.max(t - 1, 0) : last, n },
    ArrowRight: { t: cursor ? Math.min(t + 1, last) : 0, n },
    ArrowUp: { t, n: Math.max(row - 1, 0) },
    ArrowDown: { t, n: Math.min(row + 1, rows - 1) },
    Home: { t: 0, n },
    End: { t: last, n },
  }[key];
  return to && { cursor: to, spot: null };
}

function stepped(key, p, spot) {
  const way = {
    ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
    Home: [0, -FAR], End: [0, FAR],
  }[key];
  if (!way) return spot;
  const clip = (at, size) => Math.max(0, Math.min(size - 1, at));
  if (p.kind === "bars") return { ...spot, bar: clip(spot.bar + way[0] + way[1], p.labels.length) };
  if (p.kind === "curve") {
    return { ...spot, point: clip(spot.point + way[1] - way[0], p.at.data.length) };
  }
  const [, count, rows, columns] = p.values.shape;
  let { tile, row, column } = spot;
  row = clip(row + way[0], rows);
  if (Math.abs(way[1]) === FAR) return { ...spot, column: clip(column + way[1], columns) };
  column += way[1];
  if (column >= columns && tile < count - 1) [tile, column] = [tile + 1, 0];
  if (column < 0 && tile > 0) [tile, column] = [tile - 1, columns - 1];
  return { ...spot, tile, row, column: clip(column, columns) };
}
