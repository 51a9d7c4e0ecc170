// Pictures in words: under the cursor, as a whole, and as a table.

import { element } from "./shell.js";

const show = (v) => {
  if (Number.isInteger(v)) return String(v);
  return Math.abs(v) < 0.001 ? v.toPrecision(2) : v.toFixed(Math.abs(v) < 0.1 ? 3 : 2);
};

// The values under the cursor, or of the cell under the pointer.
export function sayAt(screen, cursor, spot) {
  if (spot) {
    const [p] = screen.rows.flat()[spot.view];
    const t = cursor ? cursor.t : screen.at;
    if (p.kind === "bars") {
      const [times, count] = p.values.shape;
      const v = p.values.data[Math.min(t, times - 1) * count + spot.bar];
      return `${p.title}, ${p.labels[spot.bar]}: ${show(v)} ${p.notes[spot.bar]}`.trim();
    }
    const [times, count, rows, columns] = p.values.shape;
    const at = ((Math.min(t, times - 1) * count + spot.tile) * rows + spot.row) * columns + spot.column;
    const name = p.names[spot.tile] ? `, ${p.names[spot.tile]}` : "";
    const v = p.values.data[at];
    const what = p.binary ? (v ? "spike" : "no spike") : `${show(v)} ${p.unit}`;
    return `${p.title}${name}: ${p.rows} ${spot.row}, ${p.columns} ${spot.column}: ${what}`;
  }
  const { t, n } = cursor;
  if (screen.readout) return screen.readout(t, n);
  const parts = [];
  for (const p of screen.rows.flat(2)) {
    if (p.kind === "traces" && p.lines.shape[0] === screen.steps) {
      const count = p.lines.shape[1];
      for (let k = 0; k < count; k++) {
        const name = p.steps ? p.axis : p.names[k];
        if (p.steps && count > 1 && k !== Math.min(n, count - 1)) continue;
        parts.push(`${name} ${show(p.lines.data[t * count + k])}`);
      }
    } else if (p.kind === "raster") {
      const rows = p.neurons.data.length, k = t * rows + Math.min(n, rows - 1);
      const names = p.names || [p.title.split(":")[0]];
      const which = p.spikes.map((s, i) => s.data[k] && names[i]).filter(Boolean);
      const who = `neuron ${p.neurons.data[Math.min(n, rows - 1)]}`;
      parts.push(p.names ? `${who}: ${which.join(" and ") || "neither"} fires`.replace(/ and (.*) fires/, " and $1 fire")
        : `${who}: ${which.length ? "spike" : "no spike"}`);
    }
  }
  const more = screen.said?.[t] ? ` ${screen.said[t]}` : "";
  return `step ${t}:${parts.length ? ` ${parts.join(", ")}.` : ""}${more}`;
}

// Every picture as text: each spike of each row, and the span of each trace.
export function inWords(screen) {
  const lines = [screen.alt];
  for (const p of screen.rows.flat(2)) {
    if (p.kind === "raster") {
      const rows = p.neurons.data.length;
      p.spikes.forEach((s, i) => {
        if (p.names) lines.push(`${p.names[i]}:`);
        for (let n = 0; n < rows; n++) {
          const times = [];
          for (let t = 0; t < s.shape[0]; t++) if (s.data[t * rows + n]) times.push(t);
          lines.push(`neuron ${p.neurons.data[n]} ${times.length ? `fires at ${times.join(", ")}` : "never fires"}`);
        }
      });
    } else if (p.kind === "traces") {
      const [steps, count] = p.lines.shape;
      for (let k = 0; k < count; k++) {
        const of = Array.from({ length: steps }, (_, t) => p.lines.data[t * count + k]);
        const name = p.names[k] || p.title;
        lines.push(`${name}: from ${show(Math.min(...of))} to ${show(Math.max(...of))}, at the ` +
          `last step ${show(of[steps - 1])}`);
      }
    } else if (p.kind === "bars") {
      const count = p.labels.length, from = p.values.data.length - count;
      p.labels.forEach((l, k) => lines.push(`${p.title}, ${l}: ${show(p.values.data[from + k])} ${p.notes[k]}`.trim()));
    } else if (p.kind === "heat") {
      const [times, count, rows, columns] = p.values.shape;
      const at = Math.min(screen.at, times - 1);
      for (let k = 0; k < count && lines.length < 300; k++) {
        for (let r = 0; r < rows; r++) {
          const from = ((at * count + k) * rows + r) * columns;
          const cells = [...p.values.data.subarray(from, from + columns)].map(show).join(" ");
          lines.push(`${p.title} ${p.names[k]}, ${p.rows} ${r}: ${cells}`);
        }
      }
    } else if (p.kind === "curve") {
      p.points.forEach(([x, y, name]) => lines.push(`${p.title}: ${name} at ${show(x)}: ${show(y)}`));
    }
  }
  return [...lines, ...(screen.said || []).map((s, t) => `step ${t}: ${s}`)].join("\n");
}

export function clicks(screen, t, n) {
  const p = screen?.rows.flat(2).find((one) => one.kind === "raster");
  if (p) {
    const rows = p.neurons.data.length;
    return p.spikes.some((s) => s.data[t * rows + Math.min(n, rows - 1)]);
  }
  const traces = screen?.rows.flat(2).find((one) => one.spikes);
  return Boolean(traces?.spikes.data[t * traces.lines.shape[1]]);
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
