"use strict";
(() => {
  const cell = (row, column) => {
    const at = row.cells[column];
    return at.dataset.value === undefined ? at.textContent : Number(at.dataset.value);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));

  const sortBy = (header) => {
    const table = header.closest("table");
    const rising = header.getAttribute("aria-sort") === "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const column = header.cellIndex;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(cell(a, column), cell(b, column)) * (rising ? 1 : -1));
    table.tBodies[0].append(...rows);
  };

  const filter = (box) => {
    const wanted = box.value.toLowerCase();
    const rows = [...document.getElementById(box.dataset.table).tBodies[0].rows];
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    box.nextElementSibling.textContent = `${shown} of ${rows.length}`;
  };

  const copy = async (button) => {
    const pre = button.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(pre);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.classList.contains("copy")) copy(button);
    else if (button?.parentElement.tagName === "TH") sortBy(button.parentElement);
  });
  document.addEventListener("input", (event) => {
    if (event.target.dataset.table) filter(event.target);
  });
})();
