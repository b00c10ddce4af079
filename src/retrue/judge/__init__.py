"""Is the change bad? Verdicts from profiles: surprising against the alarm budget, and large enough to matter.

    profiles --quality, distance--> verdicts --grouping--> incidents

Everything here is pure: no files, no clock.
"""
