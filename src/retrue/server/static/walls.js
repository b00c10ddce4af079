"use strict";
// Walls: figures of the newest traffic. The table in a figure is its data: uPlot draws it, and draws it again whenever
// live.js has changed the table. Colours are the theme's, asked for at each drawing.
(() => {
  const HEIGHT = 168;
  const FONT = "12px system-ui, sans-serif";
  const LINES = [["prod", []], ["far", [4, 3]]];
  const PARTS = ["prod", "far", "ref", "warn"]; // of a stack, from its foot up; pages.css has the same for its key
  const WHOLE = [...Array(12).keys()].flatMap((power) => [1, 2, 5].map((of) => of * 10 ** power)); // counts have no halves
  const walls = new Map(); // figure -> its picture
  const theme = matchMedia("(prefers-color-scheme: dark)");
  const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
  const count = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

  const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const lines = (figure) => [...figure.querySelectorAll("tbody tr")].reverse(); // the table has the newest first
  const number = (text) => (text === "" ? null : Number(text.replaceAll(",", "")));
  const heads = (figure) => [...figure.querySelectorAll("thead th")].slice(1).map((one) => one.textContent);

  function read(figure) {
    const rows = lines(figure);
    const times = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
    const all = heads(figure).map((_, i) => rows.map((row) => number(row.cells[i + 1].textContent)));
    return [times, ...(figure.dataset.wall === "stack" ? stacked(all) : all)];
  }

  // The whole first, then less and less of it: each is drawn over the one before.
  const stacked = (parts) => parts.map((_, i) => parts[0].map((_, at) => parts.slice(0, parts.length - i).reduce((sum, own) => sum + own[at], 0)));

  function say(figure, at) {
    const row = at == null ? undefined : lines(figure)[at];
    const told = row && heads(figure).map((head, i) => `${head} ${row.cells[i + 1].textContent || "unknown"}`);
    figure.querySelector(".at").textContent = row ? `${row.cells[0].textContent}: ${told.join(", ")}` : "";
  }

  // Several lines are named where they end; a name makes room for the one below it.
  function name(plot) {
    if (plot.series.length < 3 || plot.root.closest("[data-wall=stack]")) return;
    const { ctx } = plot, scale = devicePixelRatio;
    let above = Infinity;
    ctx.save();
    ctx.font = `${12 * scale}px system-ui, sans-serif`;
    Object.assign(ctx, { textBaseline: "middle", textAlign: "left" });
    for (let i = 1; i < plot.series.length; i++) {
      const last = plot.data[i].findLastIndex((value) => value !== null);
      if (last < 0) continue;
      const y = Math.min(plot.valToPos(plot.data[i][last], "y", true), above - 14 * scale);
      above = y;
      ctx.fillStyle = colour(LINES[i - 1][0])();
      ctx.fillText(plot.series[i].label, plot.valToPos(plot.data[0][last], "x", true) + 8 * scale, y);
    }
    ctx.restore();
  }

  // What is marked, as on the other charts: a dotted rule each, its name above the plot where there is room for it.
  const marked = (figure) => [...figure.querySelectorAll(".marked li")];

  function mark(plot) {
    const { ctx, bbox } = plot, scale = devicePixelRatio, foot = bbox.top + bbox.height;
    ctx.save();
    ctx.font = `${12 * scale}px system-ui, sans-serif`;
    ctx.textBaseline = "bottom";
    for (const one of marked(plot.root.closest("figure"))) {
      const time = Date.parse(one.querySelector("time").dateTime) / 1000, { side, room, end } = one.dataset;
      const [x, until] = [time, Number(end) / 1000].map((at) => Math.round(plot.valToPos(at, "x", true)));
      ctx.globalAlpha = 0.18;
      ctx.fillStyle = colour("ref")();
      ctx.fillRect(x, bbox.top, Math.min(until, bbox.left + bbox.width) - x, bbox.height);
      ctx.globalAlpha = 0.55;
      ctx.strokeStyle = colour("ink")();
      ctx.lineWidth = scale;
      ctx.setLineDash([scale, 3 * scale]);
      ctx.beginPath();
      ctx.moveTo(x + 0.5, bbox.top);
      ctx.lineTo(x + 0.5, foot);
      ctx.stroke();
      ctx.globalAlpha = 1;
      ctx.fillStyle = colour("soft")();
      ctx.beginPath();
      for (const [dx, dy] of [[-3, -7], [3, -7], [0, -2]]) ctx.lineTo(x + dx * scale, bbox.top + dy * scale);
      ctx.fill();
      ctx.textAlign = side;
      const text = cut(ctx, one.querySelector("span").textContent, Number(room) * bbox.width - 11 * scale);
      ctx.fillText(text, x + (side === "right" ? -7 : 7) * scale, bbox.top - scale);
    }
    ctx.restore();
  }

  function cut(ctx, text, room) {
    if (room < 28 * devicePixelRatio) return "";
    let most = text.length;
    const told = () => (most < text.length ? `${text.slice(0, most)}…` : text);
    while (most && ctx.measureText(told()).width > room) most--;
    return told();
  }

  function options(figure, width) {
    const stack = figure.dataset.wall === "stack", bars = stack || figure.dataset.wall === "bars", stroke = colour("soft"), ticks = { show: false };
    const series = heads(figure).map((label, i, { length }) => {
      const [hue, dash] = stack ? [PARTS[length - 1 - i], []] : LINES[i], ink = colour(hue);
      if (bars) return { label, width: 0, fill: ink, paths: uPlot.paths.bars({ size: [1], gap: 1, align: 1 }), points: { show: false } };
      return { label, width: 1.75, stroke: ink, dash, points: { size: 4, fill: ink } };
    });
    const time = (_, splits) =>
      splits.map((at, i) => {
        const said = new Date(at * 1000);
        return (i === 0 || said.getHours() + said.getMinutes() === 0 ? day : clock).format(said);
      });
    return {
      width, height: HEIGHT, legend: { show: false }, padding: [() => (marked(figure).length ? 20 : 8), !bars && series.length > 1 ? 32 : 20, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      series: [{}, ...series],
      scales: {
        x: { range: ({ data: [x] }, from, to) => [from, bars ? to + (x[1] - x[0]) : to] },
        y: { range: (_, low, high) => [0, high * 1.1 || 1] },
      },
      axes: [
        { stroke, ticks, font: FONT, grid: { show: false }, space: 64, size: 28, values: time },
        {
          stroke, ticks, font: FONT, grid: { stroke: colour("line"), width: 1 }, space: 28, size: 52,
          incrs: bars ? WHOLE : undefined, values: (_, splits) => splits.map((at) => count.format(at)),
        },
      ],
      hooks: { draw: [name, mark], setCursor: [({ cursor }) => say(figure, cursor.left < 0 ? null : cursor.idx)] },
    };
  }

  function draw(figure) {
    const place = figure.querySelector(".plot");
    const [caption, body] = ["figcaption", "tbody"].map((one) => figure.querySelector(one));
    const plot = new uPlot(options(figure, place.clientWidth), read(figure), place);
    walls.set(figure, plot);
    figure.dataset.walled = "";
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
    const changed = new MutationObserver(() => {
      plot.setData(read(figure));
      place.setAttribute("aria-label", caption.firstChild.textContent); // as the server's markup has it
    });
    for (const one of [caption, body, figure.querySelector(".marked")]) changed.observe(one, { childList: true });
    place.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const times = plot.data[0], now = plot.cursor.left < 0 ? times.length : plot.cursor.idx;
      const left = plot.valToPos(times[Math.max(0, Math.min(times.length - 1, now + by))], "x");
      plot.setCursor({ left, top: 0 });
    });
    place.addEventListener("blur", () => plot.setCursor({ left: -10, top: -10 }));
  }

  function show() {
    for (const [figure, plot] of walls) if (!figure.isConnected && walls.delete(figure)) plot.destroy();
    for (const figure of document.querySelectorAll("[data-wall]")) if (!walls.has(figure)) draw(figure);
  }

  theme.addEventListener("change", () => walls.forEach((plot) => plot.redraw()));
  document.addEventListener("htmx:afterSettle", show);
  show();
})();
