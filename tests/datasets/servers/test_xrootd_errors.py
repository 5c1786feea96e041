"""Messages of the XRootD client, as it writes them."""

from __future__ import annotations

import pytest

from na64.datasets.servers.remote import MissingRemoteError, PassingRemoteError, explain
from na64.datasets.servers.xrootd_errors import reason_of


@pytest.mark.parametrize(
    ("text", "said", "is_passing"),
    [
        (
            "XRootD error: [ERROR] Server responded with an error: [3011] Unable to locate /a",
            "no such file (XRootD 3011)",
            False,
        ),
        (
            "File did not open properly: [ERROR] Server responded with an error: [3010] denied",
            "permission denied (XRootD 3010)",
            False,
        ),
        (
            "[ERROR] Server responded with an error: [3024] busy",
            "the server is overloaded (XRootD 3024)",
            True,
        ),
        ("[ERROR] Server responded with an error: [3999] x", "the server refuses (XRootD 3999)", False),
        ("File did not open properly: [FATAL] Connection error", "connection refused", True),
        ("[FATAL] Auth failed: No protocols left to try", "authentication failed", False),
        ("[ERROR] Operation expired", "no answer in time", True),
        ("File did not read properly: [ERROR] Socket timeout", "no answer in time", True),
        ("[FATAL] Invalid address: nowhere.example:1094", "its host is not known", False),
    ],
)
def test_what_the_client_says_has_a_reason(text: str, said: str, is_passing: bool) -> None:
    reason = reason_of(text)
    assert reason is not None
    assert (reason.text, reason.is_passing, reason.is_missing) == (said, is_passing, "no such file" in said)
    found = explain(OSError(text))
    assert (str(found), isinstance(found, PassingRemoteError)) == (said, is_passing)
    assert isinstance(found, MissingRemoteError) is ("no such file" in said)


def test_other_messages_are_not_taken_for_those_of_xrootd() -> None:
    assert reason_of("HTTP 404 [3011]") is None
    assert reason_of("[ERROR] something that is new") is None
