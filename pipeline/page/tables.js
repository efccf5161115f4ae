// Sorts the tables of a page, and opens for printing what is folded and short.
"use strict";
(() => {
  // A click on a column's title sorts the rows by it, first from the largest number or from A.
  function sortable(table) {
    const value = (row, column) => {
      const text = row.cells[column].textContent.trim();
      const found = parseFloat(text.replaceAll(",", ""));
      return [text, Number.isNaN(found) || !/^[-+]?[\d.]/.test(text) ? null : found];
    };
    table.querySelectorAll("thead th").forEach((title, column) => {
      const sort = () => {
        const rising = title.getAttribute("aria-sort") === "descending" || (title.getAttribute("aria-sort") !== "ascending" && !title.classList.contains("number"));
        table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
        title.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const rows = [...table.tBodies[0].rows].map((row) => [row, ...value(row, column)]);
        rows.sort(([, text, a], [, other, b]) => {
          if (a === null || b === null) {
            if (a !== b) return a === null ? 1 : -1; // missing values stay last
            return rising ? text.localeCompare(other) : other.localeCompare(text);
          }
          return rising ? a - b : b - a;
        });
        table.tBodies[0].append(...rows.map(([row]) => row));
      };
      title.tabIndex = 0;
      title.title = "sort";
      title.addEventListener("click", sort);
      title.addEventListener("keydown", (event) => event.key === "Enter" && sort());
    });
  }

  document.querySelectorAll("table").forEach(sortable);
  // Nothing can be opened on paper: figures and short tables are printed, of long ones their title and file.
  const ROWS = 25;
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")].filter(
      (one) => one.querySelector("img, svg") || (one.querySelector("table")?.rows.length ?? Infinity) <= ROWS + 1,
    );
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => folded.forEach((one) => (one.open = false)));
})();
