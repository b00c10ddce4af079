"""Why: which rows, which features, since when.

    window, reference --coding--> codes --search, hunt--> slices, with their proxies
    events, reference --places--------------------------> typical and worst examples, neighbours, outliers
    verdicts, impacts ----------------------------------> features, ranked
    distances of windows in order of time --------------> since when

Everything here is pure: no files, no clock.
"""
