"""Types that migrations share: they must be the same in every database, for ever."""

from __future__ import annotations

import sqlalchemy as sa

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text in the order of its bytes, as SQLite has it: the order of a locale differs from server to server."""
