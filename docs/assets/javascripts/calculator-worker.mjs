// 计算器的后台：取解释器、报进度、运行 dlnotes。输入只是数据，由 dlnotes.arch.text 读，不当作程序运行。
import { loadPyodide } from "../pyodide/pyodide.mjs";

const FOLDER = new URL("../pyodide/", import.meta.url);
const PROGRAM = `
import json
from dlnotes.arch import ledger
from dlnotes.arch.text import parse

def calculate(text):
    try:
        return json.dumps({"book": ledger(parse(text)).as_dict()}, ensure_ascii=False)
    except ValueError as error:
        return json.dumps({"error": str(error)}, ensure_ascii=False)

calculate
`;

async function fetched(name) {
  const response = await fetch(new URL(name, FOLDER));
  if (!response.ok) throw new Error(`${name}：${response.status}`);
  return response;
}

/** 先把各个文件取一遍，好报进度；解释器再取时它们已在浏览器的缓存里。 */
async function prefetch() {
  const sizes = await (await fetched("sizes.json")).json();
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  let done = 0;
  await Promise.all(
    Object.keys(sizes).map(async (name) => {
      const reader = (await fetched(name)).body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        done += part.value.length;
        postMessage({ progress: Math.min(done / total, 1) });
      }
    }),
  );
}

async function start() {
  await prefetch();
  const pyodide = await loadPyodide({ indexURL: FOLDER.href });
  pyodide.unpackArchive(await (await fetched("dlnotes.zip")).arrayBuffer(), "zip");
  return pyodide.runPython(PROGRAM);
}

const ready = start();
ready.catch((error) => postMessage({ error: `启动不了 Python（${error.message}）：请检查网络后再按一次。`, broken: true }));
onmessage = async ({ data }) => postMessage(JSON.parse((await ready)(data)));
