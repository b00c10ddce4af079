"""Make `python -m retrue` the same as the command `retrue`."""

from __future__ import annotations

from retrue.cli import main

if __name__ == "__main__":
    main()
