"""Which addresses webhooks may go to: the spelling of a URL, and the network address behind it."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from wixture.mockserver.webhooks.destinations import MAX_CHARACTERS, BadDestination, Policy, parse

LOCAL = Policy(loopback=True)
PUBLIC = Policy(loopback=False)

# What a server on loopback and a public server do: + dials, - does not.
ADDRESSES = """
127.0.0.1 +-            127.0.0.2 +-            127.1.2.3 +-             127.255.255.255 +-
::1 +-                  ::ffff:127.0.0.1 +-     ::ffff:127.255.0.9 +-    ::ffff:7f00:1 +-
1.1.1.1 ++              8.8.8.8 ++              9.255.255.255 ++         11.0.0.0 ++
100.63.255.255 ++       100.128.0.0 ++          126.255.255.255 ++       128.0.0.0 ++
169.253.255.255 ++      169.255.0.0 ++          172.15.255.255 ++        172.32.0.0 ++
192.0.1.0 ++            192.0.3.0 ++            192.88.98.255 ++         192.88.100.0 ++
192.167.255.255 ++      192.169.0.0 ++          198.17.255.255 ++        198.20.0.0 ++
198.51.99.255 ++        198.51.101.0 ++         203.0.112.255 ++         203.0.114.0 ++
223.255.255.255 ++      192.31.196.1 ++         192.52.193.1 ++          192.175.48.1 ++
0.0.0.0 --              0.0.0.1 --              0.255.255.255 --         10.0.0.0 --
10.255.255.255 --       100.64.0.0 --           100.127.255.255 --       169.254.0.1 --
169.254.169.254 --      172.16.0.0 --           172.17.0.1 --            172.31.255.255 --
192.0.0.0 --            192.0.0.8 --            192.0.0.9 --             192.0.0.170 --
192.0.2.1 --            192.88.99.0 --          192.88.99.1 --           192.168.0.1 --
192.168.255.255 --      198.18.0.0 --           198.19.255.255 --        198.51.100.7 --
203.0.113.7 --          224.0.0.1 --            239.255.255.255 --       240.0.0.1 --
255.255.255.254 --      255.255.255.255 --      ::ffff:8.8.8.8 ++        ::ffff:10.0.0.1 --
::ffff:169.254.169.254 --  ::ffff:0.0.0.0 --    ::ffff:192.168.1.1 --    ::ffff:100.64.0.1 --
:: --                   ::2 --                  ::127.0.0.1 --           ::8.8.8.8 --
::10.0.0.1 --           ::ffff:0:127.0.0.1 --   ::ffff:0:8.8.8.8 --      ::fffe:7f00:1 --
64:ff9b::8.8.8.8 ++     64:ff9b::1.1.1.1 ++     64:ff9b::127.0.0.1 --    64:ff9b::10.0.0.1 --
64:ff9b::169.254.169.254 --  64:ff9b::192.168.0.1 --  64:ff9b::0.0.0.0 --  64:ff9b::ffff:ffff --
64:ff9b:1::8.8.8.8 --   64:ff9b:1::127.0.0.1 -- 64:ff9b:1:ffff::1 --     64:ff9b:2::8.8.8.8 --
100::1 --               100:0:0:1::1 --         200::1 --                1000::1 --
1fff:ffff::1 --         2000::1 ++              2001:: --                2001::1 --
2001:0:4136:e378:8000:63bf:3fff:fdd2 --         2001:1::1 --             2001:2::1 --
2001:3::1 --            2001:4:112::1 --        2001:10::1 --            2001:20::1 --
2001:1ff:ffff::1 --     2001:200::1 ++          2001:db7:ffff::1 ++      2001:db8::1 --
2001:db8:ffff::1 --     2001:db9::1 ++          2001:4860:4860::8888 ++  2002:: --
2002:7f00:1:: --        2002:a00:1::1 --        2002:808:808:: --        2002:ffff:: --
2003::1 ++              2606:4700:4700::1111 ++ 2620:4f:8000::1 ++       2a00:1450::1 ++
2a00::5efe:8.8.8.8 ++   2a00::5efe:10.0.0.1 --  2a00::200:5efe:127.0.0.1 --  2a00::200:5efe:8.8.8.8 ++
2a00::5efe:169.254.169.254 --  3ffe::1 --       3ffd:ffff::1 ++          3fff::1 --
3fff:fff:ffff::1 --     3fff:1000::1 ++         4000::1 --               5f00::1 --
8000::1 --              fbff::1 --              fc00::1 --               fd00:ec2::254 --
fdff:ffff::1 --         fe00::1 --              fe80::1 --               fe80::5efe:10.0.0.1 --
febf::1 --              fec0::1 --              feff::1 --               ff02::1 --
ff0e::1 --              ffff::1 --              fe80::1%eth0 --          ::1%lo --
2606:4700::1%1 --
""".split()

ADDRESS_ROWS = list(zip(ADDRESSES[::2], ADDRESSES[1::2], strict=True))

# What is written, the host that is dialled, and what the two servers do; = means that the name is looked up first.
SPELLINGS = """
http://127.0.0.1/                   127.0.0.1        +-
http://127.0.0.1:8080/hook          127.0.0.1        +-
http://2130706433/                  127.0.0.1        +-
http://017700000001/                127.0.0.1        +-
http://0x7f000001/                  127.0.0.1        +-
http://0X7F000001/                  127.0.0.1        +-
http://0177.0.0.1/                  127.0.0.1        +-
http://0177.0.0.01/                 127.0.0.1        +-
http://00000177.0.0.1/              127.0.0.1        +-
http://0x7f.0.0.1/                  127.0.0.1        +-
http://0x7f.1/                      127.0.0.1        +-
http://0x7F.0x0.0x0.0x1/            127.0.0.1        +-
http://127.1/                       127.0.0.1        +-
http://127.0.1/                     127.0.0.1        +-
http://127.65530/                   127.0.255.250    +-
http://0x7f.0177/                   127.0.0.127      +-
http://0/                           0.0.0.0          --
http://0.0.0.0/                     0.0.0.0          --
http://0x0/                         0.0.0.0          --
http://1/                           0.0.0.1          --
http://2852039166/                  169.254.169.254  --
http://0xa9fea9fe/                  169.254.169.254  --
http://0251.0376.0251.0376/         169.254.169.254  --
http://169.16689662/                169.254.169.254  --
http://10.1/                        10.0.0.1         --
http://012.0.0.1/                   10.0.0.1         --
http://192.168.257/                 192.168.1.1      --
http://4294967295/                  255.255.255.255  --
http://8.8.8.8/                     8.8.8.8          ++
http://010.8.8.8/                   8.8.8.8          ++
http://134744072/                   8.8.8.8          ++
https://1.1/                        1.0.0.1          ++
http://[::1]/                       ::1              +-
http://[::1]:8080/                  ::1              +-
http://[0:0:0:0:0:0:0:1]/           ::1              +-
http://[0000::0001]/                ::1              +-
http://[::]/                        ::               --
http://[::ffff:127.0.0.1]/          ::ffff:127.0.0.1 +-
http://[::FFFF:7F00:1]/             ::ffff:127.0.0.1 +-
http://[0:0:0:0:0:ffff:7f00:0001]/  ::ffff:127.0.0.1 +-
http://[::ffff:169.254.169.254]/    ::ffff:169.254.169.254  --
http://[::127.0.0.1]/               ::7f00:1         --
http://[64:ff9b::7f00:1]/           64:ff9b::7f00:1  --
http://[2002:7f00:1::]/             2002:7f00:1::    --
http://[fd00:ec2::254]/             fd00:ec2::254    --
http://[2606:4700:4700::1111]/      2606:4700:4700::1111  ++
http://localhost/                   localhost        ==
http://localhost./                  localhost        ==
http://LOCALHOST/                   localhost        ==
http://LocalHost.:81/               localhost        ==
http://foo.localhost/               foo.localhost    ==
http://127.0.0.1.example/           127.0.0.1.example  ==
http://example.com/                 example.com      ==
HTTPS://Example.COM./               example.com.     ==
http://my_receiver:3000/            my_receiver      ==
http://xn--bcher-kva.example/       xn--bcher-kva.example  ==
http://host.docker.internal/        host.docker.internal  ==
http://0xg/                         0xg              ==
http://1_0/                         1_0              ==
http://example.com?a=b              example.com      ==
http://example.com:080/             example.com      ==
http://example.com/?u=http://10.0.0.1/@x  example.com  ==
http://example.com/a@127.0.0.1/     example.com      ==
http://example.com/[::1]            example.com      ==
""".split()

SPELLING_ROWS = list(zip(SPELLINGS[::3], SPELLINGS[1::3], SPELLINGS[2::3], strict=True))

BAD = [
    ("", "neither http"),
    ("example.com", "neither http"),
    ("example.com:80/hook", "neither http"),
    ("//example.com/", "neither http"),
    ("/hook", "neither http"),
    ("http:/example.com/", "neither http"),
    ("http:example.com", "neither http"),
    ("ftp://example.com/", "neither http"),
    ("file:///etc/passwd", "neither http"),
    ("gopher://127.0.0.1:6379/_x", "neither http"),
    ("ws://example.com/", "neither http"),
    ("unix:///run/docker.sock", "neither http"),
    ("http+unix://%2Frun/", "neither http"),
    ("javascript:alert(1)", "neither http"),
    ("1http://example.com/", "neither http"),
    ("http://", "no host"),
    ("http:///hook", "no host"),
    ("http://?x", "no host"),
    ("http://:80/", "no host"),
    ("https:////example.com/", "no host"),
    ("http://ada@example.com/", "user name"),
    ("http://ada:secret@example.com/", "user name"),
    ("http://@example.com/", "user name"),
    ("http://:@example.com/", "user name"),
    ("http://127.0.0.1:80@example.com/", "user name"),
    ("http://example.com@127.0.0.1/", "user name"),
    ("http://example.com:80\r\nHost: evil/", "'\\r'"),
    ("http://example.com/\r\nX-Evil: 1", "'\\r'"),
    ("http://example.com/\nx", "'\\n'"),
    ("http://exam\tple.com/", "'\\t'"),
    ("ht\ntp://example.com/", "'\\n'"),
    (" http://example.com/", "' '"),
    ("http://example.com/ ", "' '"),
    ("http://example.com /", "' '"),
    ("\x00http://example.com/", "'\\x00'"),
    ("http://example.com/\x00", "'\\x00'"),
    ("http://example.com\x7f/", "'\\x7f'"),
    ("http://\uff11\uff12\uff17.0.0.1/", "punycode"),
    ("http://127\u30020\u30020\u30021/", "punycode"),
    ("http://\u24db\u24de\u24d2alhost/", "punycode"),
    ("http://\uff4cocalhost/", "punycode"),
    ("http://\u2460\u2461\u2466.0.0.1/", "punycode"),
    ("http://b\u00fccher.example/", "punycode"),
    ("http://local\u00adhost/", "punycode"),
    ("http://evil\u2100.com/", "punycode"),
    ("http://example.com\uff0fx/", "punycode"),
    ("http://example.com/th\u00e9", "percent-encode"),
    ("http://example.com/\ud800", "percent-encode"),
    ("http://example.com\\@127.0.0.1/", "backslash"),
    ("http:\\\\example.com/", "backslash"),
    ("http://example.com/\\x", "backslash"),
    ("http://example.com/#", "fragment"),
    ("http://example.com#@127.0.0.1/", "fragment"),
    ("http://example.com/#top", "fragment"),
    ("http://example.com:/", "port"),
    ("http://example.com:0/", "port"),
    ("http://example.com:65536/", "port"),
    ("http://example.com:99999999999/", "port"),
    ("http://example.com:-80/", "port"),
    ("http://example.com:+80/", "port"),
    ("http://example.com:8_0/", "port"),
    ("http://example.com:80:80/", "port"),
    ("http://example.com:http/", "port"),
    ("http://example.com:0x50/", "port"),
    ("http://::1/", "no host"),
    ("http://1:2:3:4:5:6:7:8/", "port"),
    ("http://[]/", "no IPv6"),
    ("http://[::1/", "no host"),
    ("http://::1]/", "no host"),
    ("http://[::1]evil.example/", "no host"),
    ("http://[127.0.0.1]/", "no IPv6"),
    ("http://[example.com]/", "no IPv6"),
    ("http://[v1.x]/", "no IPv6"),
    ("http://[::1.2.3]/", "no IPv6"),
    ("http://[::ffff:0177.0.0.1]/", "no IPv6"),
    ("http://[12345::1]/", "no IPv6"),
    ("http://[fe80::1%eth0]/", "scope"),
    ("http://[fe80::1%25eth0]/", "scope"),
    ("http://[::1%25]/", "scope"),
    ("http://256.0.0.1/", "no IPv4"),
    ("http://1.2.3.4.5/", "no IPv4"),
    ("http://1.2.3.256/", "no IPv4"),
    ("http://127.0.0.1./", "no IPv4"),
    ("http://0x7f.1./", "no IPv4"),
    ("http://4294967296/", "no IPv4"),
    ("http://127.16777216/", "no IPv4"),
    ("http://09.0.0.1/", "no IPv4"),
    ("http://0x/", "no IPv4"),
    ("http://0x7f.0.0.0x/", "no IPv4"),
    ("http://1_0.0.0.1/", "no IPv4"),
    ("http://evil.0x7f/", "no IPv4"),
    ("http://example.1/", "no IPv4"),
    ("http://127%2e0.0.1/", "no host name"),
    ("http://%31%32%37.0.0.1/", "no host name"),
    ("http://example%00.com/", "no host name"),
    ("http://a..b/", "no host name"),
    ("http://.example/", "no host name"),
    ("http://example.com../", "no host name"),
    ("http://./", "no host name"),
    ("http://exa$mple.com/", "no host name"),
    ("http://exa<mple.com/", "no host name"),
    ("http://*.example.com/", "no host name"),
    ("http://example.com,evil.example/", "no host name"),
    ("http://example.com;evil/", "no host name"),
    (f"http://{'a' * 64}.example/", "no host name"),
    (f"http://{'a.' * 127}example/", "no host name"),
    (f"http://example.com/{'a' * MAX_CHARACTERS}", "at most 2048"),
]


def _verdict(policy: Policy, text: str) -> str:
    return "+" if policy.judge(ip_address(text)) is None else "-"


@pytest.mark.parametrize(("address", "verdicts"), ADDRESS_ROWS, ids=[row[0] for row in ADDRESS_ROWS])
def test_an_address_is_dialled_only_where_it_may_be(address: str, verdicts: str) -> None:
    assert _verdict(LOCAL, address) + _verdict(PUBLIC, address) == verdicts


@pytest.mark.parametrize(("url", "host", "verdicts"), SPELLING_ROWS, ids=[row[0] for row in SPELLING_ROWS])
def test_a_spelling_is_judged_as_what_it_dials(url: str, host: str, verdicts: str) -> None:
    destination = parse(url)
    literal = destination.address
    if literal is None:
        assert (destination.host, "==") == (host, verdicts)
    else:
        assert literal == ip_address(host)
        assert _verdict(LOCAL, destination.host) + _verdict(PUBLIC, destination.host) == verdicts


@pytest.mark.parametrize(("url", "reason"), BAD, ids=[ascii(url)[:60] for url, _ in BAD])
def test_a_doubtful_address_is_refused_with_what_is_wrong(url: str, reason: str) -> None:
    with pytest.raises(BadDestination) as refused:
        parse(url)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 250


def test_the_tables_hold_what_they_promise() -> None:
    assert len(ADDRESS_ROWS) >= 120
    assert len({row[0] for row in ADDRESS_ROWS}) == len(ADDRESS_ROWS)
    assert len(SPELLING_ROWS) + len(BAD) >= 160


def test_a_destination_is_read_into_its_parts() -> None:
    destination = parse("HTTPS://Shop.Example:8443/hooks/../in?x=1&y=%2f")
    assert destination.url == "https://shop.example:8443/hooks/../in?x=1&y=%2f"
    assert (destination.scheme, destination.host, destination.port) == ("https", "shop.example", 8443)
    assert (parse("http://a/").port, parse("https://a/").port) == (80, 443)


def test_an_odd_spelling_of_an_address_is_put_right_in_the_url() -> None:
    assert parse("http://0x7f.1:8080/hook?a=b").url == "http://127.0.0.1:8080/hook?a=b"
    assert parse("http://localhost.:8080/").url == "http://localhost:8080/"


def test_the_longest_address_is_taken() -> None:
    start = "http://example.com/"
    assert parse(start + "a" * (MAX_CHARACTERS - len(start))).host == "example.com"


_numbers = [row for row in SPELLING_ROWS if row[0].split("/")[2][0].isdigit() and row[2] != "=="]


@pytest.mark.parametrize(("url", "host"), [row[:2] for row in _numbers], ids=[row[0] for row in _numbers])
def test_the_system_dials_what_was_judged(url: str, host: str) -> None:
    spelled = url.split("/")[2].partition(":")[0]
    found = socket.getaddrinfo(spelled, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    assert [info[4][0] for info in found] == [host]


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "0{:o}"]), st.integers(1, 4))
def test_every_spelling_of_an_ipv4_address_is_judged_like_its_usual_one(value: int, form: str, parts: int) -> None:
    usual = IPv4Address(value)
    leading = [form.format(byte) for byte in usual.packed[: parts - 1]]
    last = form.format(int.from_bytes(usual.packed[parts - 1 :], "big"))
    destination = parse(f"http://{'.'.join([*leading, last])}/")
    assert destination.address == usual


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_ipv6_address_opens_a_way_to_a_refused_ipv4_address(inside: IPv4Address) -> None:
    low = int(inside)
    carriers = [
        low,
        int(IPv6Address("::ffff:0:0:0")) | low,
        int(IPv6Address("64:ff9b::")) | low,
        int(IPv6Address("64:ff9b:1::")) | low,
        int(IPv6Address("2002::")) | low << 80,
        int(IPv6Address("2001::")) | low << 64 | ~int(IPv4Address("8.8.8.8")) & 0xFFFFFFFF,
        int(IPv6Address("2001:0:808:808::")) | ~low & 0xFFFFFFFF,
        int(IPv6Address("2a00::5efe:0:0")) | low,
        int(IPv6Address("2a00::200:5efe:0:0")) | low,
    ]
    everything = Policy(loopback=False, allowed=[ip_network("::/0")])
    for bits in carriers:
        if bits > 1:
            assert (everything.judge(IPv6Address(bits)) is None) == (PUBLIC.judge(inside) is None)
    mapped = IPv6Address(int(IPv6Address("::ffff:0:0")) | low)
    for policy in (LOCAL, PUBLIC, everything):
        assert policy.judge(mapped) == policy.judge(inside)


@given(
    st.text(st.sampled_from("ahtps:/@#?[]%.\\1270x-_ \t\r\n\uff11\u3002"), max_size=12),
    st.text(st.sampled_from("ab:/@?[]%.0127xf&="), max_size=12),
)
def test_the_client_reads_every_accepted_address_as_it_was_judged(middle: str, end: str) -> None:
    url = f"http://{middle}{end}"
    try:
        destination = parse(url)
    except BadDestination:
        return
    client, library = URL(destination.url, encoded=True), urlsplit(destination.url)
    sent = client.raw_path_qs.removeprefix("/")
    assert url.endswith((sent, sent + "?"))
    assert (client.raw_host, client.port) == (destination.host, destination.port)
    assert (library.hostname, library.port or 80) == (destination.host, destination.port)
    assert client.user is library.username is None


def test_allowed_networks_open_what_they_cover_and_no_more() -> None:
    policy = Policy(loopback=False, allowed=[ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    verdicts = {
        address: _verdict(policy, address)
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "10.2.0.1", "fc00::1", "127.0.0.1", "8.8.8.8"]
    }
    assert "".join(verdicts.values()) == "+++---+"


def test_loopback_can_be_allowed_on_a_public_server() -> None:
    policy = Policy(loopback=False, allowed=[ip_network("127.0.0.0/8"), ip_network("::1/128")])
    assert (
        "".join(_verdict(policy, each) for each in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.1"]) == "+++-"
    )


def test_an_allowed_gateway_still_leads_only_to_what_may_be_dialled() -> None:
    gateway = Policy(loopback=True, allowed=[ip_network("64:ff9b:1::/48"), ip_network("10.0.0.0/8")])
    assert _verdict(gateway, "64:ff9b:1::8.8.8.8") == "+"
    assert _verdict(gateway, "64:ff9b:1::10.0.0.1") == "+"
    assert _verdict(gateway, "64:ff9b:1::192.168.0.1") == "-"
    assert _verdict(gateway, "64:ff9b:1::127.0.0.1") == "-"


def test_a_scope_is_refused_even_in_an_allowed_network() -> None:
    policy = Policy(loopback=True, allowed=[ip_network("fe80::/10")])
    assert _verdict(policy, "fe80::1") == "+"
    assert "scope" in str(policy.judge(ip_address("fe80::1%eth0")))


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.1.2.3", "10.0.0.0/8 is not public (private use); start the server with --allow-net to allow it"),
        ("127.0.0.1", "127.0.0.0/8 is not public (loopback); start the server with --allow-net to allow it"),
        ("4000::1", "it is outside 2000::/3, the public IPv6 addresses"),
        (
            "64:ff9b::10.1.2.3",
            "it carries an IPv4 address of which holds: 10.0.0.0/8 is not public (private use); "
            "start the server with --allow-net to allow it",
        ),
    ],
)
def test_a_refusal_names_the_network_and_the_way_out_but_not_the_address(address: str, reason: str) -> None:
    assert PUBLIC.judge(ip_address(address)) == reason
