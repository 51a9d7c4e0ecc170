// Time under the hand: back, play, forward, scrub, and the sound of spikes on demand.

import { guard, element } from "./shell.js";

const PER_SECOND = 12, CALM = 2; // steps; CALM where the system asks for less motion

// `move(t, playing)` is called with the step to go to; `fires(t)`: whether it clicks.
export function transport(move, fires) {
  const row = element("div", "spikedu-transport");
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "time");
  const button = (words, name, call) => {
    const made = guard(element("button", "spikedu-button", words));
    made.type = "button";
    made.setAttribute("aria-label", name);
    made.title = name;
    made.addEventListener("click", call);
    row.append(made);
    return made;
  };
  let steps = 0, at = -1, timer = 0, sound = null;
  const go = (t) => {
    at = Math.max(0, Math.min(steps - 1, t));
    move(at, Boolean(timer));
    if (sound && fires(at)) click(sound);
  };
  const halt = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "▶";
    play.setAttribute("aria-label", "play");
  };
  const begin = () => {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (at >= steps - 1) at = -1;
    timer = setInterval(() => {
      if (!row.isConnected || at >= steps - 1) return halt();
      go(at + 1);
    }, 1000 / (calm ? CALM : PER_SECOND));
    play.textContent = "❚❚";
    play.setAttribute("aria-label", "pause");
  };
  button("◀", "one step back", () => (halt(), go(at - 1)));
  const play = button("▶", "play", () => (timer ? halt() : begin()));
  button("▶|", "one step forward", () => (halt(), go(at + 1)));
  const scrub = guard(element("input", "spikedu-scrub"));
  Object.assign(scrub, { type: "range", min: 0, step: 1, value: 0 });
  scrub.setAttribute("aria-label", "time step");
  scrub.addEventListener("input", () => (halt(), go(Number(scrub.value))));
  const shown = element("output", "spikedu-value");
  row.append(scrub, shown);
  const noise = button("sound", "sound of spikes", () => {
    const audio = window.AudioContext || window.webkitAudioContext;
    sound = sound ? (sound.close?.(), null) : audio ? new audio() : null;
    noise.setAttribute("aria-pressed", String(Boolean(sound)));
  });
  noise.setAttribute("aria-pressed", "false");
  return {
    row,
    stop: () => (halt(), sound?.close?.()),
    // The cursor moved by another hand, or the picture has another number of steps.
    // `said` are its values in words, `heard` whether there is anything to hear.
    follow(t, count, said, heard) {
      if (timer && t === null) halt();
      steps = count;
      row.hidden = steps < 2;
      scrub.max = Math.max(steps - 1, 0);
      at = t === null ? -1 : t;
      scrub.value = Math.max(at, 0);
      shown.textContent = t === null ? "" : `step ${t}`;
      scrub.setAttribute("aria-valuetext", said || "no step");
      noise.hidden = !heard;
    },
  };
}

// A millisecond-long click, as an electrode in the cortex gives through a speaker.
function click(audio) {
  const tone = audio.createOscillator(), gain = audio.createGain();
  const now = audio.currentTime;
  tone.frequency.value = 900;
  gain.gain.setValueAtTime(0.25, now);
  gain.gain.exponentialRampToValueAtTime(0.001, now + 0.03);
  tone.connect(gain).connect(audio.destination);
  tone.start(now);
  tone.stop(now + 0.03);
}
