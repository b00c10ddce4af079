"""Engines: where the counting pass runs. `local` is this machine."""
