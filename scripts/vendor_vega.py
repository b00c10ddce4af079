#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["vl-convert-python==1.9.0.post1"]
# ///
"""Write the Vega bundle that reports carry: `uv run scripts/vendor_vega.py` renews it.

`vl-convert-python` holds Vega, Vega-Lite and Vega-Embed and joins them into one script; it is needed only here. The
bundle declares hundreds of global names, so it is wrapped into a function. `LICENSES.txt` beside it holds the notices
of what is in it: renew it by hand when a library joins or leaves.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "src" / "retrue" / "report" / "static" / "vega.js"


def bundle() -> str:
    """Give the bundle with a line that says what is in it."""
    # By name, because the types of this package are not among what `make check` installs.
    convert = importlib.import_module("vl_convert")
    versions = (
        f"Vega {convert.get_vega_version()}, Vega-Lite {convert.get_vegalite_versions()[-1]}, "
        f"Vega-Embed {convert.get_vega_embed_version()}"
    )
    code = convert.javascript_bundle().strip()
    return f"/* {versions}. Licences: LICENSES.txt beside this file. */\n(()=>{{{code}}})();\n"


def main() -> int:
    """Write the bundle, unless it couldn't be put into a page."""
    code = bundle()
    if "</script" in code.lower() or "<!--" in code:
        print("the bundle would end the script element that holds it", file=sys.stderr)
        return 1
    TARGET.write_text(code, encoding="utf-8")
    print(f"{TARGET.name}: {len(code):,} characters, sha256 {hashlib.sha256(code.encode()).hexdigest()[:16]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
