// The LIF explorer: simulated and painted in the page, at every movement of a slider.

import { simulate, fixed, STEPS, NEURONS } from "./neuron.js";
import { paint, locate } from "./lif_paint.js";
import { guard, element, store, nativeControls, nameControls, watchTheme, frames, afterRest } from "./shell.js";

const NAMES = ["beta", "threshold", "current", "reset", "noise", "seed"];

// Sliders count in steps of 0.01 and arrive as 0.30000000000000004.
const snap = (name, value) =>
  name === "seed" || name === "reset" ? value : Math.floor(value * 100 + 0.5) / 100;

// `model` is the kernel's, or a store() where there is no kernel. Returns a clean-up.
export function mount(el, model) {
  el.classList.add("spikedu-lif");
  const canvas = guard(element("canvas", "spikedu-canvas"));
  const readout = element("p", "spikedu-readout");
  const happens = element("p", "spikedu-sentence");
  const code = element("pre", "spikedu-code");
  const live = element("div", "spikedu-live");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  guard(code).tabIndex = 0; // may scroll sideways
  code.setAttribute("role", "region");
  code.setAttribute("aria-label", "the same in Python");
  live.setAttribute("aria-live", "polite");

  const heard = [];
  const listen = (event, call) => (model.on(event, call), heard.push([event, call]));
  if (model.get("native")) el.append(nativeControls(model, model.get("controls"), listen));
  el.append(buttons(model), canvas, readout, happens, code, live);

  let values, found, cursor = null, stale = true, told = 0, paints = 0;
  const refresh = () => {
    if (!stale) return;
    stale = false;
    values = Object.fromEntries(NAMES.map((n) => [n, snap(n, model.get(n))]));
    found = simulate(values);
    happens.textContent = found.sentence;
    code.textContent = found.code;
    canvas.setAttribute("aria-label", found.alt);
  };
  const page = frames(canvas, () => {
    refresh();
    const painted = paint(canvas, values, found, cursor);
    Object.assign(canvas.dataset, values, painted, { rate: found.rate, paints: ++paints });
    readout.textContent = cursor ? at(cursor) : "Point at the picture, or focus it and " +
      "use the arrow keys, to read values.";
  });
  const rest = afterRest(() => {
    refresh();
    live.textContent = found.alt;
    const spikes = found.times.length, edition = model.get("edition");
    model.set("told", { ...values, spikes, edition, sequence: ++told });
    model.save_changes();
  });
  const at = ({ t, n }) => {
    const k = t * NEURONS + n;
    return `step ${t}, neuron ${n}: current ${fixed(found.current[k])}, membrane ` +
      `${fixed(found.u[k])}, ${found.s[k] ? "spike" : "no spike"}`;
  };
  const changed = () => ((stale = true), page.ask(), rest.ask());
  for (const name of NAMES) listen(`change:${name}`, changed);

  const move = (to) => ((cursor = to), page.ask());
  canvas.addEventListener("pointermove", ({ offsetX: x, offsetY: y }) =>
    move(locate(x, y, canvas.clientWidth)));
  canvas.addEventListener("pointerleave", () => move(null));
  canvas.addEventListener("keydown", (event) => {
    const { t, n } = cursor || { t: 0, n: 0 };
    const last = STEPS - 1;
    const to = {
      ArrowLeft: { t: cursor ? Math.max(t - 1, 0) : last, n },
      ArrowRight: { t: cursor ? Math.min(t + 1, last) : 0, n },
      ArrowUp: { t, n: Math.max(n - 1, 0) },
      ArrowDown: { t, n: Math.min(n + 1, NEURONS - 1) },
      Home: { t: 0, n },
      End: { t: last, n },
      Escape: null,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
    live.textContent = to ? at(to) : "";
  });

  const unwatch = watchTheme(page.ask);
  const unname = model.get("native") ? () => {} : nameAround(el);
  return () => {
    heard.forEach(([event, call]) => model.off(event, call));
    for (const end of [page.stop, rest.stop, unwatch, unname]) end();
  };
}

function buttons(model) {
  const row = element("div", "spikedu-buttons");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "settings to start from");
  const presets = { Reset: model.get("start"), ...model.get("presets") };
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

// The sliders around the canvas appear when they like, and anew when they are redrawn.
function nameAround(el) {
  const seen = new MutationObserver(() => nameControls(root));
  let root = el, frame = 0;
  const find = () => {
    root = el.closest(".spikedu-explorer");
    if (!root) return void (frame = requestAnimationFrame(find));
    nameControls(root);
    const attributeFilter = ["aria-valuetext"];
    seen.observe(root, { childList: true, subtree: true, attributeFilter });
  };
  find();
  return () => (cancelAnimationFrame(frame), seen.disconnect());
}

// Where there is no kernel: every poster that carries its state comes to life.
export function revive(root = document) {
  for (const poster of root.querySelectorAll("[data-spikedu-lif]:not([data-live])")) {
    poster.dataset.live = "true";
    const state = JSON.parse(poster.dataset.spikeduLif);
    poster.replaceChildren();
    mount(poster, store({ ...state, native: true }));
  }
}

export default { render: ({ model, el }) => mount(el, model) };
