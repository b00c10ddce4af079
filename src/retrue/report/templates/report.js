"use strict";
// Draws charts when they are seen, in the reader's colours; fills the tables behind them; finds columns.
(() => {
  const { templates, configs, pictures } = JSON.parse(document.getElementById("drawings").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map(); // figure -> what vegaEmbed gave
  const waiting = [];
  let busy = false;

  function specOf({ template, rows }) {
    const spec = templates[template];
    // Vega-Lite warns where one side fits the container and the other grows by steps, so the steps are counted here.
    const height = spec.height.step ? spec.height.step * rows.length : spec.height;
    return { ...spec, data: { values: rows }, width: "container", height };
  }

  async function draw(figure) {
    const picture = pictures[figure.dataset.picture];
    const plot = figure.querySelector(".plot");
    drawn.get(figure)?.finalize();
    try {
      const made = await vegaEmbed(plot, specOf(picture), {
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
  document.querySelectorAll("figure[data-picture]").forEach((figure) => seen.observe(figure));
  dark.addEventListener("change", () => {
    waiting.push(...drawn.keys());
    work();
  });

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
      if (fields.some(([name]) => row[name] === undefined || row[name] === null)) continue;
      const line = body.insertRow();
      fields.forEach(([name, , format]) => cell(line, "td", write[format](row[name])));
    }
    return table;
  }

  document.querySelectorAll("figure details.data").forEach((details) => {
    details.addEventListener("toggle", () => {
      const into = details.querySelector(".scroll");
      if (details.open && !into.firstChild) {
        into.append(tableOf(pictures[details.closest("figure").dataset.picture]));
      }
    });
  });

  // --- finding a column -----------------------------------------------------------------------------------------------------

  const find = document.getElementById("find");
  if (find) {
    const rows = [...document.querySelectorAll(".row")];
    const found = document.getElementById("found");
    find.addEventListener("input", () => {
      const wanted = find.value.trim().toLowerCase();
      rows.forEach((row) => (row.hidden = !row.dataset.name.includes(wanted)));
      const left = rows.filter((row) => !row.hidden).length;
      found.textContent = wanted ? `${left} of ${rows.length}` : "";
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && document.activeElement !== find) {
        event.preventDefault();
        find.focus();
      } else if (event.key === "Escape" && document.activeElement === find) {
        find.value = "";
        find.dispatchEvent(new Event("input"));
      }
    });
  }
})();
