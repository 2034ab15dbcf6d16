// 每行一个请求：[{tex, display}, …]；每行一个应答：[{html} 或 {error}, …]，次序相同。
// 由 sitekit/math.py 启动一次，标准输入关闭时结束。
import readline from "node:readline";
import katex from "katex";

// trust: false 时，KaTeX 把 \href 之类的命令用这个颜色原样印出而不报错；借颜色认出它们。
const errorColor = "#0bad01";
const options = { throwOnError: true, strict: "error", trust: false, output: "htmlAndMathml", errorColor };

function render({ tex, display }) {
  // KaTeX 缺某个字形时只在控制台说一声，这里也当作错误。
  const complaints = [];
  console.warn = (message) => complaints.push(String(message));
  try {
    const html = katex.renderToString(tex, { ...options, displayMode: display });
    if (html.includes(errorColor)) complaints.push("用了不允许的命令（链接、图片、HTML 属性）。");
    return complaints.length ? { error: complaints.join(" ") } : { html };
  } catch (error) {
    return { error: error.message };
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(JSON.parse(line).map(render)) + "\n");
}
