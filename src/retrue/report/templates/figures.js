"use strict";
// Draws pictures when they are seen, in the reader's colours, and writes the tables behind them. Whoever shows figures
// says where a figure's picture comes from: `Figures.show(root, load)`, load(figure) -> { picture, template, configs }.
const Figures = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map(); // figure -> what vegaEmbed gave
  const loads = new WeakMap(); // figure -> how its picture is got
  const waiting = [];
  let busy = false;

  function specOf(template, rows) {
    // Vega-Lite warns where one side fits the container and the other grows by steps, so the steps are counted here.
    const height = template.height.step ? template.height.step * rows.length : template.height;
    return { ...template, data: { values: rows }, width: "container", height };
  }

  async function draw(figure) {
    const plot = figure.querySelector(".plot");
    try {
      const { picture, template, configs } = await loads.get(figure)(figure);
      drawn.get(figure)?.finalize();
      const made = await vegaEmbed(plot, specOf(template, picture.rows), {
        ast: true, // no text is compiled into code, so the page's policy holds
        actions: false,
        config: configs[dark.matches ? "dark" : "light"],
        defaultStyle: false,
        renderer: "svg",
        tooltip: { disableDefaultStyle: true },
      });
      drawn.set(figure, made);
      figure.dataset.drawn = "";
    } catch (error) {
      if (error.nothing) {
        plot.textContent = "Nothing to draw yet.";
        figure.dataset.drawn = "";
        return;
      }
      plot.textContent = `This chart can't be drawn: ${error.message}. Its figures are below.`;
      console.error(error);
    }
  }

  // One chart at a time, so that scrolling stays smooth.
  async function work() {
    if (busy) return;
    busy = true;
    while (waiting.length) {
      await draw(waiting.shift());
      await new Promise((next) => setTimeout(next));
    }
    busy = false;
  }

  function again(figures) {
    waiting.push(...figures);
    work();
  }

  // Pictures may have changed where they come from: those that are drawn are drawn again, in the room that they have.
  function refresh(root) {
    const known = [...drawn.keys()].filter((figure) => root.contains(figure));
    for (const figure of known) {
      const plot = figure.querySelector(".plot");
      plot.style.minHeight = `${plot.offsetHeight}px`;
    }
    again(known);
  }

  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        waiting.push(target);
      }
      work();
    },
    { rootMargin: "300px" },
  );
  dark.addEventListener("change", () => again(drawn.keys()));

  // --- the table behind a chart -------------------------------------------------------------------------------------------

  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
  const count = new Intl.NumberFormat("en");
  const share = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 3 });
  const write = {
    text: String,
    number: (x) => number.format(x),
    count: (x) => count.format(x),
    share: (x) => share.format(x),
    time: (x) => new Date(x).toISOString().slice(0, 16).replace("T", " "),
  };

  const cell = (row, tag, text) => {
    const made = document.createElement(tag);
    made.textContent = text; // never markup
    row.append(made);
  };

  function tableOf({ fields, rows }) {
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    fields.forEach(([, heading]) => cell(head, "th", heading));
    const body = table.createTBody();
    for (const row of rows) {
      if (row.part === "marker") {
        const line = body.insertRow();
        cell(line, "td", write.time(row[fields[0][0]]));
        cell(line, "td", row.told);
        line.lastChild.colSpan = fields.length - 1;
        continue;
      }
      if (fields.some(([name]) => row[name] === undefined || row[name] === null)) continue;
      const line = body.insertRow();
      fields.forEach(([name, , format]) => cell(line, "td", write[format](row[name])));
    }
    return table;
  }

  async function fill(details) {
    const figure = details.closest("figure");
    const { picture } = await loads.get(figure)(figure);
    details.querySelector(".scroll").replaceChildren(tableOf(picture));
  }

  function show(root, load) {
    for (const figure of root.querySelectorAll("figure[data-picture]")) {
      if (loads.has(figure)) continue;
      loads.set(figure, load);
      seen.observe(figure);
      const details = figure.querySelector("details.data");
      details?.addEventListener("toggle", () => {
        if (details.open && !details.querySelector("table")) fill(details);
      });
    }
  }

  return { show, refresh };
})();
