// What every widget does in the page: controls, canvas, cursor, time, words, telling.

import { paint, locate } from "./panels.js";
import { decode, inflate } from "./frames.js";
import { keyed } from "./keys.js";
import { sayAt, inWords, clicks, tabulate } from "./words.js";
import { transport } from "./transport.js";
import { guard, element, store, nativeControls, join, nameAround, watchTheme, frames, afterRest } from "./shell.js";

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
    told: false,
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
    part.setAttribute("role", "group");
    part.setAttribute("aria-label", label);
  }
  twin.append(guard(element("summary", "", "In words")), words);
  status.setAttribute("role", "status");
  live.setAttribute("aria-live", "polite");

  const heard = [];
  const listen = (event, call) => (model.on(event, call), heard.push([event, call]));
  if (model.get("native")) el.append(nativeControls(model, model.get("controls"), listen));

  let values = {}, screen = null, cursor = null, spot = null;
  let stale = true, told = 0, paints = 0, gone = false, waiting = 0, lost = 0, due = false;
  const time = transport((t, playing) => {
    move({ t, n: cursor?.n }, null);
    if (!playing && screen) live.textContent = sayAt(screen, cursor, null);
  }, (t) => clicks(screen, t, cursor?.n));
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
    keep();
  };
  // What says the cursor outside of the picture.
  const keep = () => {
    const at = cursor ? cursor.t : null, steps = screen?.steps ?? 0;
    const said = screen && cursor && at < steps ? sayAt(screen, cursor, null) : "";
    time.follow(at, steps, said, clicks(screen));
    if (screen && twin.open) words.textContent = inWords(screen, at ?? screen.at);
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
    due = !screen || source.awaits(values);
    if (due) return; // a slow scene: said when it comes
    live.textContent = screen.alt;
    // Where Python computes it has the values from the sliders, and needs no word of it
    // unless somebody there waits for the hand to rest.
    if (source.told === false && !model.get("heard")) return;
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
    clearTimeout(lost);
    const now = Object.fromEntries(names.map((n) => [n, model.get(n)]));
    if (gone || !source.awaits(now)) {
      clearTimeout(waiting);
      waiting = 0;
      return gone || say("");
    }
    waiting ||= setTimeout(() => say("computing ..."), SLOW);
    lost = setTimeout(() => say("No answer from Python for 5 seconds. It is busy, or it " +
      "was restarted: then run the cell again."), LOST);
  };
  const changed = () => ((stale = true), page.ask(), wait());
  for (const name of names) listen(`change:${name}`, () => (changed(), rest.ask()));
  for (const event of source.events) listen(event, () => (changed(), due && rest.ask()));
  // anywidget's model does not say whether its line to Python is open: ipywidgets' does.
  listen("comm_live_update", async () => {
    const own = await model.widget_manager.get_model(model.get("me"));
    gone = !own.comm_live;
    wait();
    say(gone ? GONE : "");
  });

  // ------------------------------------------------------------ the cursor
  const self = {};
  const move = (to, where, tell = true) => {
    cursor = to;
    spot = where;
    keep();
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
    move(t === undefined ? null : { t, n: to.n }, null, false);
  });
  const point = ({ offsetX: x, offsetY: y }) => screen && locate(canvas, screen, x, y);
  canvas.addEventListener("pointermove", (event) => {
    const found = point(event);
    if (found?.t !== undefined) return move({ t: found.t, n: found.n ?? cursor?.n }, null);
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
    const raster = screen.rows.flat()[found.view].find((p) => p.kind === "raster");
    if (raster && found.n !== undefined) found.neuron = raster.neurons.data[found.n];
    const to = Object.entries(which)
      .map(([part, name]) => (typeof name === "number" ? [part, name] : [name, found[part]]))
      .filter(([, value]) => value !== undefined);
    // A page without a kernel has pictures of some values only.
    const held = ({ name, values: all }) => !all || to.every(([n, v]) => n !== name || all.includes(v));
    if (!model.get("controls").every(held)) return false;
    for (const [name, value] of to) model.set(name, value);
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
    keep();
  });

  const unjoin = join(model);
  // A page is there, whatever else it may tell later.
  if (model.get("heard")) model.set("told", { sequence: told }), model.save_changes();
  const unwatch = watchTheme(page.ask);
  const unname = model.get("native") ? () => {} : nameAround(el);
  return () => {
    heard.forEach(([event, call]) => model.off(event, call));
    document.removeEventListener("spikedu-cursor", follow);
    clearTimeout(waiting);
    clearTimeout(lost);
    for (const end of [page.stop, rest.stop, settled.stop, time.stop, unjoin, unwatch, unname]) end();
  };
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
