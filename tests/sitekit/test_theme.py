"""主题的缺陷：补上了；主题换了写法就说出来。"""

from pathlib import Path
from typing import Any

import pytest

from sitekit.theme import LUNR, SWITCHING, Fix, mend

FIXES = (LUNR, SWITCHING)


def write(site: Path, fix: Fix, text: str) -> Path:
    file = site / fix.files.replace("*", "1")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_the_built_site_is_mended(good: Any) -> None:
    for fix in FIXES:
        (file,) = good.site("mkdocs").glob(fix.files)
        text = file.read_text(encoding="utf-8")
        assert fix.broken not in text
        assert fix.mended in text


def test_only_the_defect_is_replaced(tmp_path: Path) -> None:
    files = [write(tmp_path, fix, f"前{fix.broken}后") for fix in FIXES]
    mend(tmp_path)
    assert [file.read_text(encoding="utf-8") for file in files] == [f"前{fix.mended}后" for fix in FIXES]


@pytest.mark.parametrize("missing", FIXES)
def test_a_theme_written_otherwise_is_noticed(tmp_path: Path, missing: Fix) -> None:
    (other,) = (fix for fix in FIXES if fix is not missing)
    write(tmp_path, other, other.broken)
    with pytest.raises(RuntimeError, match="没有主题的"):
        mend(tmp_path)
    write(tmp_path, other, other.broken)
    file = write(tmp_path, missing, "1")
    with pytest.raises(RuntimeError, match=f"^{file.name} 里没有"):
        mend(tmp_path)
