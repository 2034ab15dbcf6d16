// 计算器：读者写几行层，浏览器里的 Python 运行 dlnotes.arch 本身，列出每一层的账。
// 元素自己接上功能，所以即时导航换进来的页也一样；解释器约 6 MB，点了“计算”才取。
const COLUMNS = ["name", "op", "output", "params", "macs", "rf", "jump", "start"];
const COUNTS = new Set(["params", "macs"]);

/** 账本里的一格，写法与网页别处的表一样：大小用 × 连，位置写在括号里。 */
function cell(value, name) {
  if (value === null) return "—";
  if (Array.isArray(value)) return name === "start" ? `(${value.join(", ")})` : value.join("×");
  return typeof value === "number" ? value.toLocaleString("en-US") : value;
}

class Calculator extends HTMLElement {
  connectedCallback() {
    const [form, status, table] = ["form", "[role=status]", "table"].map((each) => this.querySelector(each));
    const [select, text] = [form.elements.namedItem("network"), form.elements.namedItem("text")];
    Object.assign(this, { status, table, button: form.elements.namedItem("run") });
    const networks = JSON.parse(this.dataset.networks);
    for (const name of Object.keys(networks)) select.add(new Option(name, name));
    text.value = new URLSearchParams(location.search).get("net") ?? text.value;
    select.onchange = () => {
      if (select.value) text.value = networks[select.value];
    };
    text.oninput = () => {
      select.value = "";
    };
    form.onsubmit = (event) => {
      event.preventDefault();
      this.calculate(text.value);
    };
    this.hidden = false;
  }

  disconnectedCallback() {
    this.worker?.terminate();
    this.worker = undefined;
  }

  calculate(text) {
    const link = new URL(location.href);
    link.searchParams.set("net", text);
    history.replaceState(history.state, "", link);
    this.button.disabled = true;
    if (!this.worker) {
      this.say("正在取 Python …");
      this.worker = new Worker(new URL("calculator-worker.mjs", SCRIPTS), { type: "module" });
      this.worker.onmessage = ({ data }) => this.receive(data);
      this.worker.onerror = () => this.receive({ error: "取不到 Python：请检查网络后再按一次。", broken: true });
    }
    this.worker.postMessage(text);
  }

  receive({ progress, error, broken, book }) {
    if (progress !== undefined) {
      this.say(progress < 1 ? `正在取 Python：${Math.floor(progress * 100)}%` : "正在启动 Python …");
      return;
    }
    const { total, layers = [] } = book ?? {};
    this.button.disabled = false;
    if (broken) this.disconnectedCallback();
    this.say(
      error ??
        `参数 ${cell(total.params)} 个，乘加 ${cell(total.macs)} 次，激活 ${cell(total.activation_bytes)} 字节（float32）。网址里已存下这个网络。`,
      error !== undefined,
    );
    this.table.hidden = error !== undefined;
    const body = document.createElement("tbody");
    for (const row of layers) {
      const line = body.insertRow();
      for (const name of COLUMNS) {
        const box = line.insertCell();
        box.textContent = cell(row[name], name);
        box.style.textAlign = COUNTS.has(name) ? "right" : "left";
      }
    }
    this.table.tBodies[0].replaceWith(body);
  }

  say(text, wrong = false) {
    this.status.textContent = text;
    this.status.classList.toggle("wrong", wrong);
  }
}

const SCRIPTS = document.currentScript.src;
customElements.define("dlnotes-calculator", Calculator);
