import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.charset import decode_text

RUSSIAN = "Вода течёт по трубам вниз и вращает турбину. " * 4
JAPANESE = "水は管を通って流れ落ち、水車を回します。" * 4


def page(charset: str, text: str) -> str:
    return f'<html><head><meta charset="{charset}"></head><body>{text}</body></html>'


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("latin1", "cp1252", "naïve — “quoted” €"),
        ("us-ascii", "cp1252", "déjà vu"),
        ("windows-1251", "cp1251", RUSSIAN),
        ("KOI8-R", "koi8-r", RUSSIAN),
        ("gb2312", "gb18030", "水從山上流下來，龘"),
        ("big5", "big5hkscs", "水從山上流下來，嘅"),
        ("euc-kr", "cp949", "물이 아래로 흐른다 똠방각하"),
        ("Shift_JIS", "cp932", JAPANESE + "①"),
        ("euc-jp", "euc_jp", JAPANESE),
        ("iso-2022-jp", "iso2022_jp", JAPANESE),
        ("utf-16le", "utf-16-le", RUSSIAN),
        ("windows-874", "cp874", "“น้ำไหลลง”"),
        (' "UTF-8" ', "utf-8", JAPANESE),
    ],
)
def test_a_label_means_what_browsers_mean(label: str, codec: str, text: str) -> None:
    body = text.encode(codec)
    assert decode_text(body, declared=label, html=False) == text
    if "utf-16" not in label:
        html = page(label.strip(' "'), text)
        assert decode_text(html.encode(codec), declared=None, html=True) == html


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_beats_every_label(codec: str) -> None:
    html = page("windows-1251", RUSSIAN)
    assert decode_text(html.encode(codec), declared="koi8-r", html=True) == html


def test_the_transport_beats_the_page() -> None:
    html = page("koi8-r", RUSSIAN)
    assert decode_text(html.encode("cp1251"), declared="windows-1251", html=True) == html


def test_a_text_has_no_meta() -> None:
    text = page("koi8-r", RUSSIAN)
    assert decode_text(text.encode("cp1251"), declared=None, html=False) == text


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1251", "us-ascii", None, "nonsense"])
def test_utf8_is_noticed_whatever_one_byte_encoding_is_named(declared: str | None) -> None:
    html = page("iso-8859-1", RUSSIAN + JAPANESE)
    assert decode_text(html.encode(), declared=declared, html=True) == html


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        ("utf-8", "cp1251", RUSSIAN),
        ("utf-8", "cp932", JAPANESE),
        ("utf-8", "cp1252", "Café crème brûlée à la française, déjà goûtée l’été. " * 4),
    ],
)
def test_a_wrong_label_is_noticed_where_the_strict_decode_fails(
    declared: str, codec: str, text: str
) -> None:
    assert decode_text(text.encode(codec), declared=declared, html=False) == text


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        ("iso-8859-1", "euc_jp", JAPANESE),
        ("windows-1252", "cp1251", RUSSIAN),
        ("windows-1251", "koi8-r", RUSSIAN),
        ("koi8-r", "cp1251", RUSSIAN),
    ],
)
def test_a_script_that_the_label_cannot_mean_is_noticed(
    declared: str, codec: str, text: str
) -> None:
    assert decode_text(text.encode(codec), declared=declared, html=False) == text


def test_accents_do_not_make_a_latin_text_doubtful() -> None:
    text = "Žluťoučký kůň úpěl ďábelské ódy. Příliš vody stéká přes jez. " * 8
    assert decode_text(text.encode("cp1250"), declared="windows-1250", html=False) == text


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("koi8-r", RUSSIAN),
        ("mac-cyrillic", RUSSIAN),
        ("cp949", "물이 관을 따라 아래로 흘러서 물레방아를 돌립니다. " * 4),
        ("cp874", "น้ำไหลลงตามท่อ “แล้วหมุนกังหัน” " * 4),
        ("cp1252", "Vatnið rennur niður eftir rörinu og snýr hjólinu á þessum degi. " * 4),
        ("iso2022_jp", JAPANESE),
    ],
)
def test_no_label_is_detected(codec: str, text: str) -> None:
    assert decode_text(text.encode(codec), declared=None, html=False) == text


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("declared", [None, "utf-8"])
def test_utf16_without_a_mark_is_noticed(codec: str, declared: str | None) -> None:
    html = page("utf-8", RUSSIAN)
    assert decode_text(html.encode(codec), declared=declared, html=True) == html


def test_a_label_that_nobody_knows_gives_way_to_the_next() -> None:
    html = "<meta charset=bogus><meta charset=iso-8859-7><p>Ώ"
    assert decode_text(html.encode("iso8859-7"), declared="nonsense", html=True) == html


def test_an_xml_declaration_tells_where_no_meta_does() -> None:
    xml = '<?xml version="1.0" encoding="ISO-8859-7"?><html><p>Ώ'
    assert decode_text(xml.encode("iso8859-7"), declared=None, html=True) == xml
    both = '<?xml version="1.0" encoding="ISO-8859-7"?><meta charset=windows-1251><p>Вода.'
    assert decode_text(both.encode("cp1251"), declared=None, html=True) == both


def test_a_label_in_a_comment_does_not_count() -> None:
    html = "<!-- <meta charset=koi8-r> -->" + page("windows-1251", "Вода.")
    assert decode_text(html.encode("cp1251"), declared=None, html=True) == html


@pytest.mark.parametrize("declared", ["utf-8", None])
def test_a_few_bad_bytes_do_not_change_the_encoding(declared: str | None) -> None:
    cut = (RUSSIAN.encode() + b"\xff" + RUSSIAN.encode())[:-3]
    expected = RUSSIAN + "\ufffd" + RUSSIAN[:-3] + "\ufffd"
    assert decode_text(cut, declared=declared, html=False) == expected


def test_what_no_encoding_explains_is_replaced() -> None:
    assert "\ufffd" in decode_text(b"\x81\xff" * 30, declared="euc-jp", html=False)


def test_utf16_in_a_meta_cannot_be_true() -> None:
    html = page("utf-16", "é")
    assert decode_text(html.encode(), declared=None, html=True) == html


LABELS = st.sampled_from(
    [None, "utf-8", "utf-16", "gbk", "iso-2022-jp", "x-user-defined", "\ud800"]
)


@given(body=st.binary(max_size=200), declared=LABELS, html=st.booleans())
def test_any_bytes_decode(body: bytes, declared: str | None, html: bool) -> None:
    decode_text(body, declared=declared, html=html).encode()
