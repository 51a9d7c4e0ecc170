// What every widget of the course needs around its canvas: native controls where there
// is no kernel, names and shortcut guards for ipywidgets, the theme, frames, telling.

const TELL_AFTER = 300; // milliseconds of rest before Python and screen readers hear

// JupyterLab reads keys on a focused control as commands, "d d" as: delete the cell.
export function guard(el) {
  el.dataset.lmSuppressShortcuts = "true";
  return el;
}

export function element(tag, className, words = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = words;
  return made;
}

// A stand-in for the kernel's model: same get, set, on, save_changes.
export function store(state) {
  const heard = [];
  return {
    get: (name) => state[name],
    set(name, value) {
      if (state[name] === value) return;
      state[name] = value;
      this.fire(`change:${name}`);
    },
    fire: (what) => heard.forEach(([event, call]) => event === what && call()),
    on: (event, call) => heard.push([event, call]),
    off: (event, call) => {
      const kept = heard.filter(([, c]) => c !== call);
      heard.splice(0, heard.length, ...kept);
    },
    save_changes() {},
  };
}

let labels = 0;

// Native sliders and lists from `controls`: {name, label, min, max, step}, {options}, or
// {values}: the few that a page without a kernel has pictures of.
export function nativeControls(model, controls, listen) {
  const box = element("div", "spikedu-controls");
  for (const spec of controls) {
    const label = element("label", "spikedu-label", spec.label);
    const input = guard(document.createElement(spec.options ? "select" : "input"));
    input.id = label.htmlFor = `spikedu-${++labels}`;
    input.dataset.name = spec.name;
    const shown = element("output", "spikedu-value");
    const few = spec.values;
    if (spec.options) {
      const kept = few || spec.options.map((option, k) => k);
      kept.forEach((k) => input.add(new Option(spec.options[k], k)));
    } else {
      const { min, max, step } = few ? { min: 0, max: few.length - 1, step: 1 } : spec;
      Object.assign(input, { type: "range", min, max, step });
    }
    input.disabled = few?.length === 1;
    const follow = () => {
      const value = model.get(spec.name);
      input.value = few && !spec.options ? few.indexOf(value) : value;
      shown.textContent = spec.options ? "" : spec.step >= 1 ? value : value.toFixed(2);
      if (!spec.options) input.setAttribute("aria-valuetext", shown.textContent);
    };
    const chosen = () => (few && !spec.options ? few[input.value] : Number(input.value));
    input.addEventListener("input", () => model.set(spec.name, chosen()));
    listen(`change:${spec.name}`, follow);
    follow();
    box.append(label, input, shown);
  }
  if (controls.some((spec) => spec.values)) {
    const words = "This page stands without Python and holds pictures of some values " +
      "only: what is gray stays as it is.";
    box.append(element("p", "spikedu-note", words));
  }
  return box;
}

// The sliders of ipywidgets, heard in the page. jslink does that too, but it sends each
// value to Python a second time, with an echo: half of all bytes of a drag.
export function join(model) {
  const ends = [];
  let over = false;
  const one = async (name, [id, trait]) => {
    const slider = await model.widget_manager.get_model(id);
    if (over) return;
    const hear = () => model.set(name, slider.get(trait));
    const tell = () => {
      if (slider.get(trait) === model.get(name)) return;
      slider.set(trait, model.get(name));
      slider.save_changes();
    };
    for (const [from, event, call] of [[slider, trait, hear], [model, name, tell]]) {
      from.on(`change:${event}`, call);
      ends.push(() => from.off(`change:${event}`, call));
    }
    hear(); // it may have moved meanwhile
  };
  Object.entries(model.get("sources") || {}).forEach(([name, of]) => one(name, of));
  return () => ((over = true), ends.forEach((end) => end()));
}

// ipywidgets give their sliders no name, and no guard against JupyterLab's shortcuts.
export function nameControls(root) {
  root.querySelectorAll(".widget-button").forEach(guard);
  for (const row of root.querySelectorAll(".widget-inline-hbox")) {
    const name = row.querySelector(".widget-label")?.textContent || "";
    for (const el of row.querySelectorAll(".noUi-handle, [contenteditable], select, input")) {
      guard(el);
      const readout = el.isContentEditable ? `${name}, as a number` : name;
      if (el.getAttribute("aria-label") !== readout) el.setAttribute("aria-label", readout);
      if (el.isContentEditable) el.setAttribute("role", "textbox");
      const said = el.getAttribute("aria-valuetext"); // 0.30000000000000004
      if (said?.length > 7) el.setAttribute("aria-valuetext", Number(said).toFixed(2));
    }
  }
}

// The sliders around the canvas appear when they like, and anew when they are redrawn.
export function nameAround(el) {
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

// Calls back on each change of JupyterLab's theme or of the system's.
export function watchTheme(call) {
  const seen = new MutationObserver(call);
  const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "class"];
  seen.observe(document.body, { attributes: true, attributeFilter });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", call);
  return () => (seen.disconnect(), system.removeEventListener("change", call));
}

// One call of `draw` per animation frame, however often it is asked for; a canvas that
// is not in the page yet, or hidden, waits for the resize observer.
export function frames(canvas, draw) {
  let asked = 0;
  const ask = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      if (canvas.isConnected && canvas.clientWidth) draw();
    });
  };
  const sized = new ResizeObserver(ask);
  sized.observe(canvas);
  ask();
  return { ask, stop: () => (cancelAnimationFrame(asked), sized.disconnect()) };
}

// `say` runs once, after things have been at rest for a while.
export function afterRest(say) {
  let timer = 0;
  return {
    ask() {
      clearTimeout(timer);
      timer = setTimeout(say, TELL_AFTER);
    },
    stop: () => clearTimeout(timer),
  };
}
