"""What the libraries for object stores say went wrong, in a line: their own words are many, and echo the server's."""

from __future__ import annotations

import re

from retrue.errors import first_line

EXTRAS = {"s3": "s3", "s3a": "s3", "az": "azure", "abfs": "azure", "abfss": "azure", "gs": "gcs"}
"""The extra that each kind of URL needs."""
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the machine's role",
    "azure": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or a SAS key, or a client's secret)",
    "gcs": "GOOGLE_APPLICATION_CREDENTIALS, or the machine's own",
}
"""What says who asks, by extra."""
_REFUSED = re.compile(
    r"status code:? 40[13]\b|privileges|valid authentication|Unauthenticated|Access Key|token request|credential prov"
)
"""What they say where the store knows nobody of this name, or lets them do less."""
_REQUEST = ("Error performing", "Generic S3 error", "Generic MicrosoftAzure error", "Generic GCS error")
"""What they say of a request that failed."""


def of_request(error: BaseException) -> bool:
    """Whether an error is that of a request to an object store."""
    return any(sign in str(error) for sign in _REQUEST)


def reason(error: BaseException) -> str:
    """What an error says in a line; of a request to an object store, without what the server echoes."""
    return plain(str(error)) if of_request(error) else first_line(error)


def to_check(error: BaseException, url: str = "") -> str | None:
    """What to check where an object store refuses, or has no such thing; None: the error tells.

    >>> to_check(OSError("Error performing GET http://h/b - 404 Not Found"), "s3://b/x")
    'check the address: the bucket or container, then what is in it'
    """
    said = str(error)
    if not of_request(error):
        return None
    if is_refusal(said):
        extra = EXTRAS.get(url.partition("://")[0].lower(), "")
        return f"check {CREDENTIALS.get(extra, 'the credentials in the environment')}, and what they may do"
    return "check the address: the bucket or container, then what is in it" if " 404 " in plain(said) else None


def is_refusal(said: str) -> bool:
    """Whether a library says that the store knows nobody of this name, or lets them do less."""
    return _REFUSED.search(said) is not None


def plain(said: str) -> str:
    """A library's message in a line: without what the server echoes, which may name keys and signatures.

    >>> plain("Error performing PUT http://h/b in 1ms - 403: <Error><AWSAccessKeyId>AK</AWSAccessKeyId>")
    'Error performing PUT http://h/b - 403'
    """
    first = said.partition("Debug source")[0].partition("<")[0]
    line = " ".join(re.sub("\x1b\\[[0-9;]*m|\u21b3", "", first).split())
    line = re.sub(r"^(Kernel error -> |object-store error: )?The operation lacked .*?(?=Error )", "", line)
    line = re.sub(r" in [\d.]+[mµ]?s(, after \d+ retries, max_retries: \d+, retry_timeout: \w+)?", "", line)
    line = re.sub(r":? \(path: .*", "", line)  # the address says so, as the status said what the operation lacked
    return re.sub(r"\?\S*", "", line).strip(" :,-")[:240]
