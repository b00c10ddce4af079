"""The version of this package, and nothing else, so that any room may read it without importing another.

>>> VERSION.count(".")
2
"""

from typing import Final

VERSION: Final = "0.1.0"
