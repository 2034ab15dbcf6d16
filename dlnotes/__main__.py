"""`python -m dlnotes` 与命令 `dlnotes` 相同。"""

import sys

from dlnotes.cli import main

if __name__ == "__main__":
    sys.exit(main())
