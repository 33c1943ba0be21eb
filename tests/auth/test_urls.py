"""Service URLs: one spelling for each."""

from __future__ import annotations

import pytest

from farpool.auth import is_loopback, normalised


@pytest.mark.parametrize(
    ("url", "spelt"),
    [
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://localhost:5000/", "http://localhost:5000"),
        (" HTTP://LocalHost:5000/// ", "http://localhost:5000"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://Example.org:443/", "https://example.org"),
        ("http://example.org:80", "http://example.org"),
        ("http://example.org:443", "http://example.org:443"),
        ("https://example.org/far/Pool/", "https://example.org/far/Pool"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
    ],
)
def test_a_url_has_one_spelling(url: str, spelt: str) -> None:
    assert normalised(url) == spelt
    assert normalised(spelt) == spelt


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:5000",
        "localhost",
        "ftp://example.org",
        "http://",
        "http:///path",
        "http://host:port",
        "http://host:99999",
        "http://host:0",
        "http://[::1",
        "http://host?x=1",
        "http://host#x",
    ],
)
def test_what_is_no_service_url_is_told_with_an_example(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not an http\(s\) URL; one looks like http://localhost:5000"):
        normalised(url)


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="pass the token as token=") as caught:
        normalised("http://me:very-secret@host")
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("url", [None, 5, b"http://host"])
def test_a_url_is_a_string(url: object) -> None:
    with pytest.raises(TypeError, match="service_url must be a string"):
        normalised(url)


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://localhost:5000", True),
        ("http://farpool.localhost", True),
        ("http://127.0.0.1:5000", True),
        ("http://127.8.9.10", True),
        ("http://[::1]:5000", True),
        ("http://localhost.example.org", False),
        ("http://128.0.0.1", False),
        ("https://example.org", False),
    ],
)
def test_loopback_is_told_by_the_name_alone(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here
