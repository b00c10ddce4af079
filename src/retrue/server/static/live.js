"use strict";
// Keeps the page as the store is. The server says what state the store is in; where that isn't the one shown, the page
// is asked for again, and what has `data-now` and an id is changed in place. Nothing moves: rows that came, went or
// changed places are told of, and shown when the reader asks.
(() => {
  const about = document.querySelector("main").dataset.live;
  const told = document.getElementById("live");
  const REST = 2000; // at most one refresh in so many milliseconds
  let source, known, wanted, timer, again;

  // A time that is over stays as it is: nothing is asked for again.
  const past = () => new URLSearchParams(location.search).get("until");

  function say(word) {
    if (told.textContent !== word) told.textContent = word;
    told.dataset.state = word;
  }

  const said = () => say(past() ? "a past time" : "live");

  function connect() {
    clearTimeout(again);
    source?.close();
    source = new EventSource(`/live?model=${encodeURIComponent(about)}`);
    source.addEventListener("state", ({ data }) => {
      said();
      wanted = data;
      if (known === undefined || past()) known = data;
      if (wanted !== known) timer ??= setTimeout(refresh, REST * Math.random());
    });
    source.addEventListener("end", disconnected);
    source.onerror = disconnected;
  }

  // One rule for a lost connection, whatever the browser would do: try again in a while.
  function disconnected() {
    source?.close();
    say("not connected");
    clearTimeout(again);
    again = setTimeout(connect, 3000 + 2000 * Math.random());
  }

  async function refresh() {
    const coming = wanted;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html", "X-Live": "1" } });
      if (answer.ok && !answer.redirected) {
        patch(new DOMParser().parseFromString(await answer.text(), "text/html"));
        known = coming;
      }
    } catch {
      say("not connected");
    }
    setTimeout(() => {
      timer = undefined;
      if (wanted !== known) timer = setTimeout(refresh, REST);
    }, REST);
  }

  const busy = (element) => element.matches(":active, :focus-within") || element.querySelector("details[open], :focus");

  function patch(fresh) {
    Pages.tellTimes(fresh); // times as the reader has them, so that equal ones are equal
    for (const shown of document.querySelectorAll("[data-now][id]")) {
      const now = fresh.getElementById(shown.id);
      if (!now || now.innerHTML === shown.innerHTML || (busy(shown) && !shown.matches("a, a *"))) continue;
      shown.replaceChildren(...document.importNode(now, true).childNodes);
      if (now.className !== shown.className) shown.className = now.className;
    }
    const order = (from) => [...from.querySelectorAll("[data-row]")].map((row) => row.dataset.row).join("\n");
    document.getElementById("moved").hidden = order(fresh) === order(document);
    Figures.refresh(document.querySelector("main"));
    document.title = fresh.title;
  }

  // Walls end now: they move on where nothing comes in, too.
  setInterval(() => {
    if (known !== undefined && !document.hidden && document.querySelector("[data-wall]")) timer ??= setTimeout(refresh);
  }, 60_000);

  document.addEventListener("htmx:pushedIntoHistory", () => {
    if (source?.readyState === EventSource.OPEN) said();
  });

  // A browser has six connections to a server in all, so only pages that are seen hold one.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      source?.close();
      clearTimeout(again);
      say("paused");
    } else connect();
  });
  document.querySelector("[data-reload]").addEventListener("click", () => location.reload());
  addEventListener("pagehide", () => source?.close());
  if (!document.hidden) connect();
})();
