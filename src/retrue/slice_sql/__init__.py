"""The slice language: a small subset of SQL, behind `retrue.slices`.

    text --reader--> tree --compiler--> Polars expression
                      |
                      +--render--> canonical text

`tree` has the nodes and prints them, `reader` lets sqlglot parse and admits only what is on a list, `compiler` says
what a tree means on typed columns (`terms`), `functions` is the table of functions, `times` reads dates and times.
"""
