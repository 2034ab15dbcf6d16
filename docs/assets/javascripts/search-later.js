// 主题一打开网页就取搜索的索引，它随题目变多，比一页正文还大。慢网上先不取，等读者用到搜索。
// 主题没有留设置，只好在它发请求的地方拦一下；排在主题的脚本之前。
const INDEX = "/search/search_index.json";
const { open, send } = XMLHttpRequest.prototype;
const held = [];
// 别人分享的搜索（?q=）、从搜索结果点进来要标出的词（?h=），一打开就要用。
let wanted = /[?&][qh]=/.test(location.search);

XMLHttpRequest.prototype.open = function (method, url, ...rest) {
  this.isIndex = String(url).endsWith(INDEX);
  open.call(this, method, url, ...rest);
};

XMLHttpRequest.prototype.send = function (...body) {
  if (this.isIndex && !wanted) held.push(() => send.apply(this, body));
  else send.apply(this, body);
};

// 点搜索框、按快捷键、在手机上点放大镜，光标都会落进搜索框。
document.addEventListener("focusin", ({ target }) => {
  if (!target.matches("[data-md-component=search-query]")) return;
  wanted = true;
  held.splice(0).forEach((request) => request());
});
