"""The algebra: what a reference fixes (grids), and what events look like on it (profiles). No I/O.

reference ──fit──> Grids ──count──> Profile ──+──> Profile ──metric──> value
"""
