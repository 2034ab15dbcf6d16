// 主题在浏览器里才生成的两种元素，补上读屏软件和键盘需要的属性：
// 代码块的按钮区没有名称，一页有几个就分不清；会横向滚动的表格不能用键盘滚动。
function mend() {
  document.querySelectorAll(".md-code__nav").forEach((nav, index) => {
    nav.setAttribute("aria-label", `代码块的操作 ${index + 1}`);
  });
  document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach((wrap) => {
    wrap.tabIndex = 0;
  });
}

new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
mend();
