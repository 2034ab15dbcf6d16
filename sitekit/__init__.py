"""站点怎样建成：Markdown 扩展、构建后的检查、导出。不进 wheel。"""
