"""Business: what the events are worth. Any column is a metric by window and slice: a value, a click, a purchase.

A number (revenue, a rating) has its `mean` (in quality) and `total`; a yes or no (clicked, bought, thumbs up) has its
`rate`; what users give or don't give (feedback) has its `response_rate`. A dated table of figures is logged like
events.
"""
