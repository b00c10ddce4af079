"use strict";
// The pictures of this page are data in it; columns are found by what is typed.
(() => {
  const { templates, configs, pictures } = JSON.parse(document.getElementById("drawings").textContent);
  Figures.show(document, ({ dataset }) => {
    const picture = pictures[dataset.picture];
    return { picture, template: templates[picture.template], configs };
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
