// 总表：点表头的按钮按这一列排，再点一次倒过来。没有 JavaScript 时就是一张普通的表。
// 元素自己接上功能，所以即时导航换进来的页也一样。
function key(cell) {
  const number = parseFloat(cell.textContent.replaceAll(",", ""));
  return Number.isNaN(number) ? cell.textContent : number;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}

class Sortable extends HTMLElement {
  connectedCallback() {
    this.querySelectorAll("th:not(:has(button))").forEach((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.onclick = () => this.sort(head);
      head.append(button);
    });
  }

  sort(head) {
    const descending = head.ariaSort === "ascending";
    for (const other of head.parentElement.cells) other.ariaSort = null;
    head.ariaSort = descending ? "descending" : "ascending";
    const body = this.querySelector("tbody");
    const rows = [...body.rows].sort(
      (a, b) => compare(key(a.cells[head.cellIndex]), key(b.cells[head.cellIndex])) * (descending ? -1 : 1),
    );
    body.append(...rows);
  }
}

customElements.define("dlnotes-sortable", Sortable);
