"""Refine: collect what went wrong, mix it with what was known, train, prove, promote.

The five know nothing of each other; `retrue.workspace` leads from one to the next.
"""
