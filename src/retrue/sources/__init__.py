"""Sources: tables that stay where they are, described in words, read whole or from where somebody left off.

    {"delta": URL} ─┐
    {"iceberg": ..} ├── source_of ──> Source ──┬── table()          a reference, a side of a comparison
    {"files": ...}  │                          └── after(state) ──> Chunk, Chunk ...     rows, each with what to
    {"sql": ...}    │                                                                    remember once it is taken
    {"kafka": ...} ─┘

What is remembered (the watermark) is kept by whoever takes the rows, together with them: `retrue.workspace.pulling`.
"""

from retrue.sources.source import Chunk, Piece, Source, SourceChangedError, Unreadable, source, source_of

__all__ = ["Chunk", "Piece", "Source", "SourceChangedError", "Unreadable", "source", "source_of"]
