// The scene of spikedu/scenes/neuron.py, in the page. Python is the truth: a test
// demands the same bits and the same words from both, so keep every operation in order.

export const RESETS = [
  "subtract, one step later (Eq. 1)", "to zero (released network)", "none",
];
const SUBTRACT = 0, TO_ZERO = 1, NONE = 2;

export function mix(x) {
  x = (x + 0x9e3779b9) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

const bells = new Map(); // dragging another slider does not draw the noise anew

export function bell(seed, steps, neurons) {
  const key = `${seed} ${steps} ${neurons}`;
  if (bells.has(key)) return bells.get(key);
  const found = new Float64Array(steps * neurons);
  for (let n = 0; n < neurons; n++) {
    const own = mix((mix(seed) ^ n) >>> 0);
    for (let t = 0; t < steps; t++) {
      const a = mix(own + 2 * t), b = mix(own + 2 * t + 1);
      const total = (a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16);
      found[t * neurons + n] = (total / 65536 - 2) * 1.7320508075688772;
    }
  }
  if (bells.size > 100) bells.clear();
  bells.set(key, found);
  return found;
}

// values: {beta, threshold, current, reset, noise, seed, steps, neurons}, reset as an
// index of RESETS. Result: current, u, s as arrays [t * neurons + n], and the words.
export function simulate(values) {
  const { beta, threshold, current, reset, noise, seed, steps, neurons } = values;
  const size = steps * neurons;
  const i = new Float64Array(size).fill(current);
  if (noise > 0) {
    const g = bell(seed, steps, neurons);
    for (let k = 0; k < size; k++) i[k] = current + noise * g[k];
  }
  const u = new Float64Array(size), s = new Uint8Array(size);
  for (let k = 0; k < size; k++) {
    let before = k < neurons ? 0 : u[k - neurons];
    const fired = k < neurons ? 0 : s[k - neurons];
    if (reset === TO_ZERO) {
      const rest = before * (1 - fired);
      u[k] = rest + (i[k] - rest) * (1 - beta);
      s[k] = u[k] >= threshold ? 1 : 0;
    } else {
      before = beta * before + i[k];
      u[k] = reset === SUBTRACT ? before - fired * threshold : before;
      s[k] = u[k] > threshold ? 1 : 0;
    }
  }
  const times = [];
  let all = 0;
  for (let k = 0; k < size; k++) {
    all += s[k];
    if (s[k] && k % neurons === 0) times.push(k / neurons);
  }
  const rate = times.length / steps;
  const sentence = say(values, times, all);
  const alt = `${sentence} Decay ${fixed(beta)}, threshold ${fixed(threshold)}, ` +
    `input current ${fixed(current)}, noise ${fixed(noise)}, ` +
    `reset ${RESETS[reset]}: neuron 0 fires ${often(rate)} times per step.`;
  return { current: i, u, s, times, rate, sentence, alt, code: code(values) };
}

// ---------------------------------------------------------------- the words
export function fixed(x) {
  return (Math.floor(x * 100 + 0.5) / 100).toFixed(2);
}

function often(x) {
  return x > 0 && x < 0.005 ? "under 0.01" : fixed(x);
}

function ordinal(n) {
  const end = n % 100 >= 10 && n % 100 <= 20 ? "th" : ["th", "st", "nd", "rd"][n % 10];
  return `${n}${end || "th"}`;
}

function say(values, times, all) {
  const gaps = times.slice(1).map((t, k) => t - times[k]);
  const low = Math.min(...gaps), high = Math.max(...gaps);
  if (values.noise > 0) {
    const rate = often(all / (values.steps * values.neurons));
    const everyone = `the ${values.neurons} neurons fire ${rate} times per step each.`;
    if (!times.length) return `Neuron 0 does not fire in ${values.steps} steps; ${everyone}`;
    if (!gaps.length) return `Neuron 0 fires once, at step ${times[0]}; ${everyone}`;
    let apart = low < high ? `${low} to ${high} steps apart` : `${low} steps apart`;
    if (high === 1) apart = `at every step from ${times[0]} to ${times[times.length - 1]}`;
    return `Neuron 0 fires ${times.length} times, ${apart}; ${everyone}`;
  }
  const { beta, threshold, current, reset, steps } = values;
  const end = settles(beta, current, reset);
  if (end === threshold && beta === 0) return atOnce(threshold, reset);
  if (beta > 0 && Math.abs(end - threshold) <= 1e-9) {
    return edge(threshold, fires(times, low, high, reset, steps));
  }
  return times.length ? fires(times, low, high, reset, steps) : silent(values);
}

function settles(beta, current, reset) {
  if (beta === 1) return NaN;
  return reset === TO_ZERO ? current : current / (1 - beta);
}

function atOnce(threshold, reset) {
  const here = "at exactly the rheobase the membrane equals the threshold " +
    fixed(threshold);
  return reset === TO_ZERO
    ? `Fires at every step from step 0 on: ${here}, and this neuron fires on it.`
    : `Never fires: ${here}, which it would have to pass.`;
}

function edge(threshold, fires) {
  if (!fires) {
    return "Never fires: this is exactly the rheobase: in exact arithmetic the membrane " +
      `only approaches the threshold ${fixed(threshold)} and never reaches it.`;
  }
  return `${fires} That is the computer's rounding: at exactly the rheobase the ` +
    "membrane, in exact arithmetic, only approaches the threshold.";
}

function fires(times, low, high, reset, steps) {
  if (!times.length) return "";
  const first = `step ${times[0]}`;
  if (times.length === 1) return `Fires once in ${steps} steps, at ${first}.`;
  if (high === 1) {
    const why = reset === NONE
      ? "nothing resets the membrane"
      : "the input brings back at once what the reset takes";
    return `Fires at every step from ${first} on: ${why}.`;
  }
  if (low === high) return `Fires every ${ordinal(low)} step, first at ${first}.`;
  return `Fires every ${low} to ${high} steps, first at ${first}.`;
}

function silent({ beta, threshold, current, reset, steps }) {
  if (beta === 1 && (reset === TO_ZERO || current === 0)) {
    return "Never fires: the membrane takes nothing in and stays at 0.";
  }
  if (beta === 1 && current < 0) {
    return `Never fires: the membrane falls by ${fixed(-current)} at every step.`;
  }
  if (beta === 1) {
    const grows = `the membrane climbs by ${fixed(current)} at every step`;
    return `Does not fire within ${steps} steps: ${grows}.`;
  }
  const end = settles(beta, current, reset);
  const formula = reset === TO_ZERO ? "i" : "i / (1 - beta)";
  if (end > threshold) {
    const way = `the membrane is still on its way to ${formula} = ${fixed(end)}`;
    return `Does not fire within ${steps} steps: ${way}.`;
  }
  const side = fixed(end) === fixed(threshold) ? "just below" : "below";
  const rests = `the membrane settles at ${formula} = ${fixed(end)}`;
  return `Never fires: ${rests}, ${side} the threshold ${fixed(threshold)}.`;
}

// ---------------------------------------------------------------- the code
function exact(x) {
  return Number(x.toFixed(2)) === x ? x.toFixed(2) : String(x);
}

function code({ beta, threshold, current, reset, noise, seed, steps, neurons }) {
  const hard = reset === TO_ZERO ? ", lif_step_hard" : "";
  const lines = ["import torch", `from spikedu.functional import lif${hard}`];
  if (noise > 0) lines.push("from spikedu.scenes.neuron import bell");
  lines.push("");
  if (reset === NONE) {
    lines.push(
      "def no_reset(u, s, current, beta, threshold):",
      "    u = beta * u + current",
      "    return u, (u > threshold).to(u.dtype)",
      "",
    );
  }
  lines.push(noise > 0
    ? `current = ${exact(current)} + ${exact(noise)} * torch.from_numpy(bell(${seed}, ${steps}, ${neurons}))`
    : `current = torch.full((${steps}, ${neurons}), ${exact(current)}, dtype=torch.float64)`);
  const step = ["", ", step=lif_step_hard", ", step=no_reset"][reset];
  const given = `beta=${exact(beta)}, threshold=${exact(threshold)}${step}`;
  lines.push(`membrane, spikes = lif(current, ${given})`);
  return lines.join("\n");
}
