"use strict";
// What every page does: times in the reader's zone, charts when they are seen, keys, copying.
(() => {
  const vega = document.currentScript.dataset.vega;

  // --- times -----------------------------------------------------------------------------------------------------------

  const thisYear = new Date().getFullYear();
  const near = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const far = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

  function tellTimes(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.title = time.textContent; // the server says it in UTC
      time.textContent = (at.getFullYear() === thisYear ? near : far).format(at);
    }
  }

  // --- charts ----------------------------------------------------------------------------------------------------------

  let library;
  function charts() {
    library ??= new Promise((loaded, failed) => {
      const script = document.createElement("script");
      Object.assign(script, { src: vega, onload: loaded, onerror: () => failed(new Error("its library didn't load")) });
      document.head.append(script);
    });
    return library;
  }

  async function load(figure) {
    const [answer] = await Promise.all([fetch(figure.dataset.picture, { headers: { Accept: "application/json" } }), charts()]);
    const told = await answer.json();
    if (answer.status === 404) throw Object.assign(new Error(told.error?.message), { nothing: true });
    if (!answer.ok) throw new Error(told.error?.message ?? answer.statusText);
    if (told.picture.title) figure.querySelector("figcaption").textContent = told.picture.title;
    if (told.picture.note) {
      const small = document.createElement("small");
      small.textContent = told.picture.note;
      figure.querySelector("figcaption").append(small);
    }
    return told;
  }

  // --- the rest --------------------------------------------------------------------------------------------------------

  function ready(root) {
    tellTimes(root);
    Figures.show(root, load);
  }

  async function copy(button) {
    const text = button.closest(".snippet").querySelector("pre").textContent;
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(button.closest(".snippet").querySelector("pre"));
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => (button.textContent = said), 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("keydown", (event) => {
    const find = document.querySelector("input[type=search]");
    if (!find || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      find.focus();
    }
  });
  // A key that a button or a link names does what a click on it does, once: what is asked for is on its way.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !/^[0-9a-z]$/.test(event.key)) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
    const chosen = document.querySelector(`[data-key="${event.key}"]`);
    if (!chosen || chosen.closest("[data-sent]")) return;
    chosen.closest("section, p").dataset.sent = "";
    chosen.click();
  });
  addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((one) => delete one.dataset.sent));
  document.addEventListener("htmx:afterSettle", (event) => ready(event.target.parentNode ?? document));
  ready(document);
  window.Pages = { tellTimes };
})();
