"""Business: what the events are worth. Any column is a metric by window and slice: a value, a click, a purchase.

A number (revenue, a rating) has its `mean` (in quality) and `total`; a yes or no (clicked, bought, thumbs up) has its
`rate`. Feedback that few give is `missing` for the others, and both count only what was given. A dated table of figures
is logged like events.
"""
