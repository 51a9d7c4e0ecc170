// The LIF explorer: simulated in the page, at every movement of a slider.

import { simulate, fixed } from "./neuron.js";
import { mount, fromPage } from "./explorer.js";

// The same screen as spikedu/scenes/neuron.py has, and what its cursor reads.
export function lifScreen(values) {
  const { steps, neurons, threshold } = values, found = simulate(values);
  const first = (x, Kind) => {
    const data = new Kind(steps);
    for (let t = 0; t < steps; t++) data[t] = x[t * neurons];
    return { data, shape: [steps, 1] };
  };
  const current = {
    kind: "traces", title: "input current of neuron 0", axis: "current",
    meaning: "current", lines: first(found.current, Float64Array), names: [],
    steps: true, high: 0.5,
  };
  const membrane = {
    kind: "traces", title: "membrane potential of neuron 0", axis: "membrane",
    meaning: "membrane", lines: first(found.u, Float64Array), names: ["membrane"],
    threshold, spikes: first(found.s, Uint8Array), high: 1.1 * threshold,
  };
  const alike = values.noise > 0 ? "each with its own noise" : "without noise all alike";
  const raster = {
    kind: "raster", title: `${alike}: ${neurons} neurons`,
    meaning: "spike", spikes: [{ data: found.s, shape: [steps, neurons] }],
    neurons: { data: Uint8Array.from({ length: neurons }, (_, n) => n), shape: [neurons] },
    marked: 0,
  };
  const readout = (t, n) => {
    const k = t * neurons + n;
    return `step ${t}, neuron ${n}: current ${fixed(found.current[k])}, membrane ` +
      `${fixed(found.u[k])}, ${found.s[k] ? "spike" : "no spike"}`;
  };
  const { sentence, alt, code } = found;
  return {
    rows: [[[current, membrane]], [[raster]]], sentence, alt, code, steps, at: 0,
    said: [], picks: {}, readout, data: { rate: found.rate },
  };
}

export const from = fromPage(lifScreen);

export default { render: ({ model, el }) => mount(el, model, from) };
