// The picture under the keyboard: a step of time and a neuron, or a cell of a map.

// What a key does to the cursor (time, neuron) and the spot (a cell of a map, a bar).
export function keyed(key, screen, cursor, spot) {
  const flat = screen.rows.flat();
  const rows = flat.flat().find((p) => p.kind === "raster")?.neurons.data.length || 1;
  const spots = flat.flatMap(([p], view) => (p.kind === "heat" || p.kind === "bars" ? [view] : []));
  if (key === "PageDown" || key === "PageUp" || (!screen.steps && !spot)) {
    if (key === "Escape" || key === "Enter" || !spots.length) return undefined;
    const now = spots.indexOf(spot?.view), way = key === "PageUp" ? -1 : 1;
    const next = spot ? now + way : way > 0 ? 0 : spots.length - 1;
    const view = spots[next];
    if (view === undefined) return { cursor, spot: null };
    const [p] = flat[view];
    return { cursor, spot: p.kind === "bars" ? { view, bar: 0 } : { view, tile: 0, row: 0, column: 0 } };
  }
  if (key === "Escape") return { cursor: null, spot: null };
  if (spot) {
    if (key === "Enter" || key === " ") return { pick: spot };
    return { cursor, spot: stepped(key, flat[spot.view][0], spot) };
  }
  const last = screen.steps - 1, { t, n } = cursor || { t: 0, n: 0 };
  if (key === "Enter" || key === " ") {
    const view = Object.keys(screen.picks || {}).map(Number)
      .find((v) => flat[v].some((p) => p.kind === "raster" || p.kind === "traces"));
    return cursor && view !== undefined ? { pick: { view, t, n } } : undefined;
  }
  const to = {
    ArrowLeft: { t: cursor ? Math.max(t - 1, 0) : last, n },
    ArrowRight: { t: cursor ? Math.min(t + 1, last) : 0, n },
    ArrowUp: { t, n: Math.max(n - 1, 0) },
    ArrowDown: { t, n: Math.min(n + 1, rows - 1) },
    Home: { t: 0, n },
    End: { t: last, n },
  }[key];
  return to && { cursor: to, spot: null };
}

function stepped(key, p, spot) {
  const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key];
  if (!way) return spot;
  if (p.kind === "bars") {
    const bar = spot.bar + way[0] + way[1];
    return { ...spot, bar: Math.max(0, Math.min(p.labels.length - 1, bar)) };
  }
  const [, count, rows, columns] = p.values.shape;
  let { tile, row, column } = spot;
  row = Math.max(0, Math.min(rows - 1, row + way[0]));
  column += way[1];
  if (column >= columns && tile < count - 1) [tile, column] = [tile + 1, 0];
  if (column < 0 && tile > 0) [tile, column] = [tile - 1, columns - 1];
  return { ...spot, tile, row, column: Math.max(0, Math.min(columns - 1, column)) };
}
