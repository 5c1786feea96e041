from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from na64.datasets.basics.addresses import file_name, is_url, public_url, without_secrets

SECRET = "canary-4711"  # noqa: S105


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://host/a/run.root", "https://host/a/run.root"),
        (f"https://user:{SECRET}@host:443/run.root", "https://host:443/run.root"),
        (f"https://{SECRET}@host/run.root", "https://host/run.root"),
        (f"https://u:p@{SECRET}@host/run.root", "https://host/run.root"),
        (f"root://host//eos/run.root?authz={SECRET}&xrd.wantprot=unix", "root://host//eos/run.root"),
        (f"https://host/run.root?X-Amz-Signature={SECRET}&X-Amz-Date=1", "https://host/run.root"),
        (f"https://host/get?file=run.root&token={SECRET}", "https://host/get?file=run.root"),
        (f"https://host/run.root#{SECRET}", "https://host/run.root"),
        (f"s3://key:{SECRET}@bucket/run.root", "s3://bucket/run.root"),
        ("https://[::1", "https://[::1"),
    ],
)
def test_a_url_is_kept_without_what_might_be_a_secret(url: str, kept: str) -> None:
    assert public_url(url) == kept
    assert public_url(kept) == kept


@given(
    st.sampled_from(["https", "root", "s3"]),
    st.text(st.characters(codec="ascii", exclude_characters="/?#@"), min_size=1),
)
def test_nothing_of_user_unknown_parameters_and_fragment_is_kept(scheme: str, secret: str) -> None:
    marked = f"{SECRET}{secret}".replace("&", "")
    assert SECRET not in public_url(f"{scheme}://{marked}@h/p/run.root?{marked}=1&x={marked}#{marked}")


def test_a_name_for_messages_has_no_query() -> None:
    assert file_name(f"https://u:{SECRET}@h/run.root?token={SECRET}") == "run.root"
    assert file_name("/data/run?1#2.root") == "run?1#2.root"
    assert file_name(Path("/data/run.root")) == "run.root"
    assert not is_url("/data/https:/x")


@pytest.mark.parametrize(
    "text",
    [
        f"401, message='Unauthorized', url='https://h/run.root?authz={SECRET}'",
        f"Authorization: Bearer {SECRET}",
        f"authz=Bearer%20{SECRET}",
        f"https://user:{SECRET}@h/run.root: no",
        f"https:/user:{SECRET}@h/run.root?x={SECRET}: No such file or directory",
        f"simplecache::https://user:{SECRET}@h/run.root: no such file",
        f"access_token={SECRET}, password='{SECRET}'",
        f"the variable says {SECRET}-of-the-variable",
        f"and {SECRET}-in-json",
    ],
)
def test_a_text_loses_its_secrets(text: str) -> None:
    environment = {
        "BEARER_TOKEN": f"{SECRET}-of-the-variable",
        "FSSPEC_HTTPS": f'{{"client_kwargs": {{"headers": {{"Authorization": "Bearer {SECRET}-in-json"}}}}}}',
        "PATH": "no",
    }
    shown = without_secrets(text, environment)
    assert SECRET not in shown
    assert shown


@pytest.mark.parametrize(
    "text",
    [
        "run.root: truncated: 5 bytes of 10",
        'selections/mine.toml: unknown key "tokens", nearest known is "types"',
        "run 8911 is outside every period: 2022B covers 8396 to 8910",
        "see https://host/a/run.root",
    ],
)
def test_a_text_without_secrets_stays(text: str) -> None:
    assert without_secrets(text, {"HOME": "run", "GITHUB_TOKEN": ""}) == text


@pytest.mark.parametrize(
    "part", ["x", "x=", "://", "a:/", "ab:/c", "token=", "bearer ", "https://", "%20", "?&"]
)
def test_a_long_text_costs_no_more_than_its_length(part: str) -> None:
    # Ten times the time for ten times the length would be fine; a hundred times is minutes.
    assert without_secrets(part * 60_000, {}) is not None
