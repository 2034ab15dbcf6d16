"""网页里的链接所指的仓库文件：报错的表单存在，并认得链接里填好的那一项。"""

from urllib.parse import parse_qs, urlparse

import yaml

from sitekit.markdown import page_links
from sitekit.paths import ROOT


def test_report_link_opens_a_form_with_the_page_filled_in() -> None:
    link = page_links("https://example.org/r", "appendix/iou.md").split('href="')[-1].split('"')[0]
    query = parse_qs(urlparse(link.replace("&amp;", "&")).query)
    (template,) = query.pop("template")
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / template).read_text(encoding="utf-8"))
    fields = {field["id"] for field in form["body"]}
    assert query == {"page": ["appendix/iou.md"]}
    assert set(query) <= fields
