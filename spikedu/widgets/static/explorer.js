// What every widget does in the page: controls, canvas, cursor, time, words, telling.

import { paint, locate } from "./panels.js";
import { decode, inflate } from "./frames.js";
import { transport } from "./transport.js";
import { guard, element, store, nativeControls, nameAround, watchTheme, frames, afterRest } from "./shell.js";

const SLOW = 50, LOST = 5000; // milliseconds until "computing", until "no answer"
const GONE = "Python's kernel was stopped or restarted and no longer answers here: run " +
  "the cell again.";

// Sliders count in steps of 0.01 and arrive as 0.30000000000000004.
const snap = (value) => (typeof value === "number" ? Math.floor(value * 100 + 0.5) / 100 : value);

// ---------------------------------------------------------------- where screens come from
// Each: model -> {events that bring news, screen(values), awaits(values): not yet of them}.
export function fromPage(compute) {
  return (model) => ({
    events: [],
    screen: (values) => compute({ ...model.get("fixed"), ...values }),
    awaits: () => false,
  });
}

export function fromKernel(model) {
  let last = -1, found = null, seen = null;
  const read = () => {
    const frame = model.get("frame");
    if (frame === seen || !frame?.byteLength) return found;
    seen = frame;
    const made = decode(frame);
    if (made.number > last) {
      last = made.number;
      found = made;
    }
    return found;
  };
  return {
    events: ["change:frame"],
    screen: read,
    awaits: (values) => {
      const of = read()?.values || {};
      return Object.entries(of).some(([name, value]) => snap(values[name]) !== snap(value));
    },
  };
}

export function fromStates(states) {
  return (model) => ({
    events: [],
    screen: () => {
      const at = model.get("controls").reduce(
        (k, c) => (c.values ? k * c.values.length + c.values.indexOf(model.get(c.name)) : k), 0);
      return (states[at] = states[at].rows ? states[at] : decode(states[at]));
    },
    awaits: () => false,
  });
}

// ---------------------------------------------------------------- the widget
// `model` is the kernel's, or a store() where there is none. Returns a clean-up.
export function mount(el, model, from = fromKernel) {
  el.classList.add("spikedu-widget");
  const names = model.get("controls").map(({ name }) => name);
  const source = from(model);
  const canvas = guard(element("canvas", "spikedu-canvas"));
  const status = element("p", "spikedu-status");
  const readout = element("p", "spikedu-readout");
  const happens = element("p", "spikedu-sentence");
  const table = element("div", "spikedu-terms");
  const code = element("pre", "spikedu-code");
  const live = element("div", "spikedu-live");
  const twin = element("details", "spikedu-twin");
  const words = guard(element("pre", "spikedu-words"));
  canvas.tabIndex = words.tabIndex = guard(code).tabIndex = 0; // these may scroll
  canvas.setAttribute("role", "img");
  for (const [part, label] of [[code, "the same in Python"], [words, "the picture in words"]]) {
    part.setAttribute("role", "region");
    part.setAttribute("aria-label", label);
  }
  twin.append(guard(element("summary", "", "In words")), words);
  status.setAttribute("role", "status");
  live.setAttribute("aria-live", "polite");

  const heard = [];
  const listen = (event, call) => (model.on(event, call), heard.push([event, call]));
  if (model.get("native")) el.append(nativeControls(model, model.get("controls"), listen));

  let values = {}, screen = null, cursor = null, spot = null;
  let stale = true, told = 0, paints = 0, gone = false, waiting = 0, lost = 0;
  const time = transport((t) => move({ t, n: cursor?.n ?? 0 }, null), (t) => clicks(screen, t, cursor?.n ?? 0));
  el.append(buttons(model), canvas, time.row, status, readout, happens, table, code, twin, live);

  const refresh = () => {
    if (!stale) return;
    stale = false;
    values = Object.fromEntries(names.map((n) => [n, snap(model.get(n))]));
    screen = source.screen(values) || screen;
    if (!screen) return;
    if (cursor && cursor.t >= screen.steps) cursor = screen.steps ? { ...cursor, t: screen.steps - 1 } : null;
    happens.textContent = screen.sentence;
    code.textContent = screen.code;
    code.hidden = !screen.code;
    canvas.setAttribute("aria-label", screen.alt);
    time.follow(cursor ? cursor.t : null, screen.steps);
    if (twin.open) words.textContent = inWords(screen);
  };
  const page = frames(canvas, () => {
    refresh();
    if (!screen) return;
    const painted = paint(canvas, screen, cursor, spot);
    Object.assign(canvas.dataset, values, screen.data || {}, painted, {
      paints: ++paints, at: cursor ? cursor.t : "", shown: JSON.stringify(screen.values || values),
    });
    tabulate(table, screen, cursor ? cursor.t : screen.at);
    readout.textContent = cursor || spot ? sayAt(screen, cursor, spot) : "Point at the " +
      "picture, or focus it and use the arrow keys, to read values.";
  });
  const rest = afterRest(() => {
    refresh();
    if (!screen) return;
    live.textContent = screen.alt;
    const edition = model.get("edition");
    model.set("told", { ...values, spikes: Number(canvas.dataset.spikes), edition, sequence: ++told });
    model.save_changes();
  });
  const settled = afterRest(() => {
    model.set("cursor", cursor ? { ...cursor } : {});
    model.save_changes();
  });

  const say = (text) => status.textContent !== text && (status.textContent = text);
  const wait = () => {
    clearTimeout(waiting);
    clearTimeout(lost);
    if (gone) return;
    const now = Object.fromEntries(names.map((n) => [n, model.get(n)]));
    if (!source.awaits(now)) return say("");
    waiting = setTimeout(() => say("computing ..."), SLOW);
    lost = setTimeout(() => say("No answer from Python for 5 seconds. It is busy, or it " +
      "was restarted: then run the cell again."), LOST);
  };
  const changed = () => ((stale = true), page.ask(), wait());
  for (const name of names) listen(`change:${name}`, () => (changed(), rest.ask()));
  for (const event of source.events) listen(event, changed);
  listen("comm_live_update", () => {
    gone = model.comm_live === false;
    wait();
    say(gone ? GONE : "");
  });

  // ------------------------------------------------------------ the cursor
  const self = {};
  const move = (to, where, tell = true) => {
    cursor = to;
    spot = where;
    time.follow(to ? to.t : null, screen?.steps ?? 0);
    page.ask();
    settled.ask();
    const group = model.get("group");
    if (!tell || !group) return;
    document.dispatchEvent(new CustomEvent("spikedu-cursor", { detail: { group, cursor, self } }));
  };
  const follow = ({ detail }) => {
    if (detail.self === self || detail.group !== model.get("group")) return;
    const t = detail.cursor && Math.min(detail.cursor.t, (screen?.steps ?? 1) - 1);
    move(detail.cursor ? { ...detail.cursor, t } : null, null, false);
  };
  document.addEventListener("spikedu-cursor", follow);
  listen("change:cursor", () => {
    const to = model.get("cursor"), t = to?.t;
    if (t === cursor?.t && to?.n === cursor?.n) return;
    move(t === undefined ? null : { t, n: to.n ?? 0 }, null, false);
  });
  const point = ({ offsetX: x, offsetY: y }) => screen && locate(screen, canvas.clientWidth, x, y);
  canvas.addEventListener("pointermove", (event) => {
    const found = point(event);
    if (found?.t !== undefined) return move({ t: found.t, n: found.n ?? cursor?.n ?? 0 }, null);
    spot = found;
    page.ask();
  });
  canvas.addEventListener("pointerleave", () => {
    spot = null;
    if (!el.contains(document.activeElement)) move(null, null);
    else page.ask();
  });
  const pick = (found) => {
    const which = found && screen.picks?.[found.view];
    if (!which) return false;
    for (const [part, name] of Object.entries(which)) {
      if (found[part] !== undefined) model.set(name, found[part]);
    }
    model.save_changes();
    return true;
  };
  canvas.addEventListener("click", (event) => pick(point(event)));
  canvas.addEventListener("keydown", (event) => {
    if (!screen || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = keyed(event.key, screen, cursor, spot);
    if (next === undefined) return;
    event.preventDefault();
    if (next.pick) return void pick(next.pick);
    move(next.cursor, next.spot);
    live.textContent = next.cursor || next.spot ? sayAt(screen, next.cursor, next.spot) : "";
  });
  twin.addEventListener("toggle", () => {
    if (screen && twin.open) words.textContent = inWords(screen);
  });

  const unwatch = watchTheme(page.ask);
  const unname = model.get("native") ? () => {} : nameAround(el);
  return () => {
    heard.forEach(([event, call]) => model.off(event, call));
    document.removeEventListener("spikedu-cursor", follow);
    clearTimeout(waiting);
    clearTimeout(lost);
    for (const end of [page.stop, rest.stop, settled.stop, time.stop, unwatch, unname]) end();
  };
}

// What a key does to the cursor (time, neuron) and the spot (a cell of a map, a bar).
function keyed(key, screen, cursor, spot) {
  const flat = screen.rows.flat();
  const rows = flat.flat().find((p) => p.kind === "raster")?.neurons.length || 1;
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

// ---------------------------------------------------------------- words
const show = (v) => (Number.isInteger(v) ? String(v) : v.toFixed(Math.abs(v) < 0.1 ? 3 : 2));

// The values under the cursor, or of the cell under the pointer.
function sayAt(screen, cursor, spot) {
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
      const rows = p.neurons.length, k = t * rows + Math.min(n, rows - 1);
      const names = p.names || [p.title.split(":")[0]];
      const which = p.spikes.map((s, i) => s.data[k] && names[i]).filter(Boolean);
      const who = `neuron ${p.neurons[Math.min(n, rows - 1)]}`;
      parts.push(p.names ? `${who}: ${which.join(" and ") || "neither"} fires`.replace(/ and (.*) fires/, " and $1 fire")
        : `${who}: ${which.length ? "spike" : "no spike"}`);
    }
  }
  const more = screen.said?.[t] ? ` ${screen.said[t]}` : "";
  return `step ${t}: ${parts.join(", ")}.${more}`;
}

// Every picture as text: each spike of each row, and the span of each trace.
export function inWords(screen) {
  const lines = [screen.alt];
  for (const p of screen.rows.flat(2)) {
    if (p.kind === "raster") {
      const rows = p.neurons.length;
      p.spikes.forEach((s, i) => {
        if (p.names) lines.push(`${p.names[i]}:`);
        for (let n = 0; n < rows; n++) {
          const times = [];
          for (let t = 0; t < s.shape[0]; t++) if (s.data[t * rows + n]) times.push(t);
          lines.push(`neuron ${p.neurons[n]} ${times.length ? `fires at ${times.join(", ")}` : "never fires"}`);
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

function clicks(screen, t, n) {
  const p = screen?.rows.flat(2).find((one) => one.kind === "raster");
  if (p) {
    const rows = p.neurons.length;
    return p.spikes.some((s) => s.data[t * rows + Math.min(n, rows - 1)]);
  }
  const traces = screen?.rows.flat(2).find((one) => one.spikes);
  return Boolean(traces?.spikes.data[t * traces.lines.shape[1]]);
}

// Terms of an equation at the step under the cursor; the one that decided is marked.
function tabulate(box, screen, t) {
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

function buttons(model) {
  const row = element("div", "spikedu-buttons");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "settings to start from");
  const presets = { Reset: model.get("start"), ...model.get("presets") };
  row.hidden = !Object.keys(model.get("start")).length;
  for (const [name, values] of Object.entries(presets)) {
    const button = guard(element("button", "spikedu-button", name));
    button.type = "button";
    button.addEventListener("click", () => {
      for (const [key, value] of Object.entries(values)) model.set(key, value);
      model.save_changes();
    });
    row.append(button);
  }
  return row;
}

// Where there is no kernel: every poster that carries its state comes to life.
export async function revive(kind, from, root = document) {
  for (const poster of root.querySelectorAll(`[data-spikedu="${kind}"]:not([data-live])`)) {
    poster.dataset.live = "true";
    const state = JSON.parse(poster.dataset.state);
    const how = from || fromStates(await inflate(poster.dataset.frames));
    poster.replaceChildren();
    mount(poster, store({ ...state, native: true }), how);
  }
}
