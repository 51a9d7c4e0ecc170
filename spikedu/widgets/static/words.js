// Pictures in words: under the cursor, as a whole, and as a table.

import { element } from "./shell.js";
import { stepOf } from "./maps.js";

const show = (v) => {
  if (Number.isInteger(v)) return String(v);
  return Math.abs(v) < 0.001 ? v.toPrecision(2) : v.toFixed(Math.abs(v) < 0.1 ? 3 : 2);
};

// The row of a raster that stands for it: the marked one, where there is one.
export function home(screen) {
  const p = screen?.rows.flat(2).find((one) => one.kind === "raster" && one.marked !== null);
  return p?.marked ?? undefined;
}

// The values under the cursor, or of the cell, bar or point under the pointer.
export function sayAt(screen, cursor, spot) {
  return spot ? sayOf(screen, cursor ? cursor.t : screen.at, spot) : sayStep(screen, cursor);
}

function sayOf(screen, t, spot) {
  const p = screen.rows.flat()[spot.view][spot.part ?? 0];
  if (p.kind === "curve") {
    const size = p.at.data.length;
    const of = p.names.map((name, k) => `${name} ${show(p.values.data[k * size + spot.point])}`);
    return `${p.title}, ${p.x} ${show(p.at.data[spot.point])}: ${of.join(", ")}`;
  }
  const times = p.values.shape[0], now = Math.min(t, times - 1), where = stepOf(p, t);
  if (p.kind === "bars") {
    const v = p.values.data[now * p.labels.length + spot.bar];
    return `${where}, ${p.labels[spot.bar]}: ${show(v)} ${p.notes[spot.bar]}`.trim();
  }
  const [, count, rows, columns] = p.values.shape;
  const at = ((now * count + spot.tile) * rows + spot.row) * columns + spot.column;
  const name = p.names[spot.tile] ? `, ${p.names[spot.tile]}` : "";
  const v = p.values.data[at];
  const what = p.binary ? (v ? "spike" : "no spike") : `${show(v)} ${p.unit}`;
  return `${where}${name}: ${p.rows} ${spot.row}, ${p.columns} ${spot.column}: ${what}`;
}

function sayStep(screen, cursor) {
  const { t } = cursor, n = cursor.n ?? home(screen) ?? 0;
  if (screen.readout) return screen.readout(t, n);
  const parts = [];
  for (const p of screen.rows.flat(2)) {
    if (p.kind === "traces" && p.lines.shape[0] === screen.steps) {
      const count = p.lines.shape[1];
      for (let k = 0; k < count; k++) {
        const name = p.steps ? p.axis : p.names[k];
        if (p.steps && count > 1 && k !== Math.min(n, count - 1)) continue;
        const whose = / of .+$/.exec(p.title)?.[0] ?? ""; // not always the cursor's row
        parts.push(`${name}${whose}: ${show(p.lines.data[t * count + k])}`);
      }
    } else if (p.kind === "raster") {
      const rows = p.neurons.data.length, row = Math.min(n, rows - 1), k = t * rows + row;
      const who = `neuron ${p.neurons.data[row]}`;
      const which = (p.names || [""]).filter((_, i) => p.spikes[i].data[k]);
      const fire = ["neither fires", `${which[0]} fires`, `${which.join(" and ")} fire`];
      const found = p.names ? fire[which.length] : which.length ? "spike" : "no spike";
      parts.push(`${who}: ${found}`);
    }
  }
  const more = screen.said?.[t] ? ` ${screen.said[t]}` : "";
  const found = parts.length ? ` ${parts.join(", ")}.` : "";
  return `step ${t}:${found}${more}`;
}

// Every picture as text, maps and bars at step t: each spike, each row, each curve.
export function inWords(screen, t) {
  const panels = screen.rows.flat(2).filter((p) => TEXTS[p.kind]);
  const said = (screen.said || []).map((words, k) => `step ${k}: ${words}`);
  return [screen.alt, ...panels.flatMap((p) => TEXTS[p.kind](p, t)), ...said].join("\n");
}

const span = (values) => `from ${show(Math.min(...values))} to ${show(Math.max(...values))}`;
const MOST_LINES = 300, MOST_POINTS = 12;

const TEXTS = {
  raster: (p) => p.spikes.flatMap((s, i) => {
    const rows = p.neurons.data.length;
    const lines = Array.from(p.neurons.data, (neuron, n) => {
      const times = [];
      for (let t = 0; t < s.shape[0]; t++) if (s.data[t * rows + n]) times.push(t);
      const fires = times.length ? `fires at ${times.join(", ")}` : "never fires";
      return `neuron ${neuron} ${fires}`;
    });
    return p.names ? [`${p.names[i]}:`, ...lines] : lines;
  }),
  traces(p) {
    const [steps, count] = p.lines.shape;
    return Array.from({ length: count }, (_, k) => {
      const of = Array.from({ length: steps }, (_, t) => p.lines.data[t * count + k]);
      const end = `at the last step ${show(of[steps - 1])}`;
      return `${p.names[k] || p.title}: ${span(of)}, ${end}`;
    });
  },
  bars(p, t) {
    const from = Math.min(t, p.values.shape[0] - 1) * p.labels.length;
    return p.labels.map((label, k) =>
      `${stepOf(p, t)}, ${label}: ${show(p.values.data[from + k])} ${p.notes[k]}`.trim());
  },
  heat(p, t) {
    const [times, count, rows, columns] = p.values.shape, lines = [];
    for (let k = 0; k < count; k++) {
      for (let r = 0; r < rows && lines.length < MOST_LINES; r++) {
        const from = ((Math.min(t, times - 1) * count + k) * rows + r) * columns;
        const cells = [...p.values.data.subarray(from, from + columns)].map(show).join(" ");
        const name = p.names[k] ? ` ${p.names[k]}` : "";
        lines.push(`${stepOf(p, t)}${name}, ${p.rows} ${r}: ${cells}`);
      }
    }
    return lines;
  },
  curve(p) {
    const [count, size] = p.values.shape, every = Math.ceil(size / MOST_POINTS);
    const lines = Array.from({ length: count }, (_, k) => {
      const of = Array.from(p.values.data.subarray(k * size, (k + 1) * size));
      const some = of.map((y, m) => [m, `${show(p.at.data[m])}: ${show(y)}`])
        .filter(([m]) => m % every === 0 || m === size - 1);
      const points = some.map(([, words]) => words).join(", ");
      return `${p.title}, ${p.names[k]}: ${span(of)}; at ${p.x} ${points}`;
    });
    const marks = p.points.map(([x, y, name]) => `${p.title}: ${name} at ${show(x)}: ${show(y)}`);
    return [...lines, ...marks];
  },
};

// Whether a spike is heard at step t: of the chosen or marked row, else of any trace,
// else of any neuron. Without t: whether this picture can be heard at all.
export function clicks(screen, t, n) {
  const all = screen?.rows.flat(2) || [];
  const raster = all.find((p) => p.kind === "raster");
  const traces = all.find((p) => p.kind === "traces" && p.spikes);
  if (t === undefined) return Boolean(raster || traces);
  const row = n ?? home(screen);
  const rows = raster?.neurons.data.length;
  if (raster && row !== undefined) {
    return raster.spikes.some((s) => s.data[t * rows + Math.min(row, rows - 1)]);
  }
  const [spikes, wide] = traces ? [[traces.spikes], traces.lines.shape[1]] : [raster.spikes, rows];
  return spikes.some((s) => s.data.subarray(t * wide, (t + 1) * wide).some(Boolean));
}

// Terms of an equation at the step under the cursor; the one that decided is marked.
export function tabulate(box, screen, t) {
  const found = screen.rows.flat(2).filter((p) => p.kind === "terms");
  const key = JSON.stringify([found.map((p) => [p.title, p.names]), t, screen.values]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...found.map((p) => {
    const made = document.createElement("table"), count = p.names.length;
    const at = Math.min(t, p.cause.data.length - 1), cause = p.cause.data[at];
    made.append(element("caption", "", `${p.title}, step ${at}`));
    p.names.forEach((name, k) => {
      const row = made.insertRow();
      const mark = k === cause ? "▶ " : "";
      row.className = mark ? "spikedu-cause" : "";
      const head = element("th", "", mark + name);
      head.scope = "row";
      row.append(head, element("td", "", show(p.values.data[at * count + k])));
      row.append(element("td", "spikedu-line", p.code[k]));
    });
    return made;
  }));
}
