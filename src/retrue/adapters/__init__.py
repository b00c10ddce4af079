"""Adapters: one thin file for each system that Retrue talks to. They take plain values and know no store."""
