// 用主题自己的搜索程序（浏览器里的 Worker）查成品站的索引，一次查完全部词，省得每次都重建索引。
//   node search.mjs 成品站 [索引.json] <查询.json
// 标准输入是查询的数组，标准输出是对应的命中：[[{location, title}, ...], ...]，次序与网页上相同。
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import vm from "node:vm";

const [site, index = join(site, "search", "search_index.json")] = process.argv.slice(2);
const folder = join(site, "assets", "javascripts", "workers");
const worker = join(folder, readdirSync(folder).find((name) => /^search\..*\.js$/.test(name)));

let listen, answer;
const scope = {
  console,
  addEventListener: (_, listener) => (listen = listener),
  postMessage: (message) => answer(message),
  importScripts: (...paths) => paths.forEach((path) => run(join(dirname(worker), path))),
};
scope.self = scope;
vm.createContext(scope);
const run = (path) => vm.runInContext(readFileSync(path, "utf8"), scope, { filename: path });
run(worker);

const send = (message) =>
  new Promise((resolve) => {
    answer = resolve;
    listen({ data: message });
  });

const { config, docs } = JSON.parse(readFileSync(index, "utf8"));
await send({ type: 0, data: { config, docs, options: { suggest: true } } });
const found = [];
for (const query of JSON.parse(readFileSync(0, "utf8"))) {
  const { data } = await send({ type: 2, data: query });
  // 同一页的命中在网页上并成一组；组的次序是最好的一条的次序。
  found.push(data.items.flat().map(({ location, title }) => ({ location, title })));
}
process.stdout.write(JSON.stringify(found));
