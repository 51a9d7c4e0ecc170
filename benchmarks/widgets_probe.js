// Notes each picture of the demo with the value it shows, and each trusted event with
// the value it gave. What an image of matplotlib shows is known from the message that
// brought it: its parent is the one that told the kernel the slider's value.
(start) => {
  const panel = window.jupyterapp.shell.currentWidget, root = panel.content.node;
  const bench = (window.bench = { paints: [], moves: [], keydown: 0 });
  const round = (x) => Math.round(Number(x) * 100) / 100;
  const last = () => bench.paints[bench.paints.length - 1]?.[1];
  const seen = (value) => requestAnimationFrame(() => {
    if (last() !== value) bench.paints.push([performance.now(), value]);
  });
  bench.last = last;
  bench.value = () => round(bench.handle.value ??
    bench.handle.getAttribute("aria-valuetext"));

  const told = new Map(), shows = new Map(), tail = (x) => x.trim().slice(-400);
  panel.sessionContext.session.kernel.anyMessage.connect((_, { msg, direction }) => {
    const value = msg.content?.data?.state?.value;
    if (direction === "send" && value !== undefined) {
      told.set(msg.header.msg_id, round(value));
    }
    const image = msg.content?.data?.["image/png"];
    if (image) shows.set(tail(image), told.get(msg.parent_header.msg_id) ?? start);
  });

  bench.native = () => bench.handle.type === "range";
  bench.track = () => {
    const base = bench.handle.closest(".noUi-base") ?? bench.handle;
    const { x, y, width, height } = base.getBoundingClientRect();
    return [x, y + height / 2, width];
  };
  // What the cell raised, if it did.
  bench.run = async (index) => {
    panel.content.activeCellIndex = index;
    bench.began = performance.now();
    await window.jupyterapp.commands.execute("notebook:run-cell");
    const outputs = panel.content.activeCell.model.outputs.toJSON();
    return outputs.find(({ output_type }) => output_type === "error")?.evalue;
  };
  bench.stop = () => panel.sessionContext.shutdown();

  const known = new WeakSet();
  const look = () => {
    for (const image of root.querySelectorAll(".jp-OutputArea-output img")) {
      if (known.has(image)) continue;
      known.add(image);
      const value = shows.get(tail(image.src));
      image.decode().then(() => image.isConnected && seen(value), () => {});
    }
    for (const plot of root.querySelectorAll(".js-plotly-plot")) {
      if (known.has(plot) || !plot.on || !plot._fullLayout) continue;
      known.add(plot);
      const title = () => plot.querySelector(".gtitle")?.textContent.match(/-?[\d.]+/);
      const plotted = () => title() && seen(round(title()[0]));
      plot.on("plotly_afterplot", plotted);
      plotted();
    }
    for (const canvas of root.querySelectorAll("canvas[data-paints]")) {
      if (known.has(canvas)) continue;
      known.add(canvas);
      const painted = () => seen(round(JSON.parse(canvas.dataset.shown).current));
      const attributeFilter = ["data-paints"];
      new MutationObserver(painted).observe(canvas, { attributeFilter });
      painted();
    }
  };
  const attributeFilter = ["src", "class", "data-paints"];
  const all = { childList: true, subtree: true, attributeFilter };
  new MutationObserver(look).observe(root, all);
  const waiting = () => bench.paints.length || (look(), requestAnimationFrame(waiting));
  waiting();

  const trusted = (type, call, capture) =>
    addEventListener(type, (event) => event.isTrusted && call(event), capture);
  let moved = 0;
  const note = () => bench.moves.push([moved, bench.value()]);
  trusted("keydown", (event) => (bench.keydown = event.timeStamp), true);
  trusted("mousemove", (event) => (moved = event.timeStamp), true);
  trusted("mousemove", () => bench.handle && (bench.native() || note()), false);
  trusted("input", () => bench.handle && note(), false);
}
