"""站点的地址：把页面上的引用化成站内路径，或认出它在别处。"""

from dataclasses import dataclass
from urllib.parse import unquote, urldefrag, urljoin, urlsplit


@dataclass(frozen=True)
class Target:
    """站内的一个去处：文件路径与 `#片段`，都已解码。"""

    path: str
    fragment: str


@dataclass(frozen=True)
class Address:
    """本站的公开地址，以 `/` 结尾。"""

    base: str

    def resolve(self, path: str, reference: str) -> str | None:
        """文件 `path` 里的 `reference` 指向的完整地址；写法不合法时为 `None`。"""
        try:
            return urljoin(self.base + path, reference.strip())
        except ValueError:
            return None

    def target(self, url: str) -> Target | None:
        """本站的地址化成站内路径；别处的为 `None`。"""
        address, fragment = urldefrag(url)
        address = address.partition("?")[0]
        if address + "/" == self.base:
            address = self.base
        if not address.startswith(self.base):
            return None
        return Target(unquote(address.removeprefix(self.base)), unquote(fragment))

    def is_foreign(self, path: str, reference: str) -> bool:
        """取它要向另一台主机请求。"""
        host = urlsplit(self.resolve(path, reference) or "").netloc
        return bool(host) and host != urlsplit(self.base).netloc
