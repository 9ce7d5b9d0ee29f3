"""Signatures, against the worked examples of the public protocol documentation."""

from opbx.pusher.signatures import body_digest, matches, request_signature, signin_auth, subscription_auth

KEY, SECRET = "278d425bdf160c739803", "7ad3773142a6692b25b8"


def test_private_subscription() -> None:
    expected = f"{KEY}:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    assert subscription_auth(KEY, SECRET, "1234.1234", "private-foobar") == expected


def test_presence_subscription() -> None:
    data = '{"user_id":10,"user_info":{"name":"Mr. Channels"}}'
    expected = f"{KEY}:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
    assert subscription_auth(KEY, SECRET, "1234.1234", "presence-foobar", data) == expected


def test_signin() -> None:
    expected = f"{KEY}:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
    assert signin_auth(KEY, SECRET, "1234.1234", '{"id":"12345"}') == expected


def test_http_request() -> None:
    body = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
    assert body_digest(body) == "ec365a775a4cd0599faeb73354201b6f"
    query = {
        "auth_key": KEY,
        "auth_timestamp": "1353088179",
        "auth_version": "1.0",
        "body_md5": "ec365a775a4cd0599faeb73354201b6f",
        "auth_signature": "is not part of what is signed",
    }
    expected = "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
    assert request_signature(SECRET, "POST", "/apps/3/events", query) == expected


def test_a_stranger_may_send_anything() -> None:
    assert matches("abc", "abc")
    assert not matches("abc", "ab\ud800")
    assert not matches("abc", "")
