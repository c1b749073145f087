"""What each code point is to the heuristics: one table of bits, which all kernels read.

The bits say what Python's string methods say, which the tools here are written with, and what the
word splitter of datatrove (spaCy's English one) makes of a character. A class that spaCy lists
code point by code point is told by its Unicode category and block instead: its symbols by category
So, its letters by case and block.
"""

import sys
import unicodedata
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from transforms.heuristics.folding import is_itself
from transforms.tables import shipped_table

SPACE = 1 << 0
ALPHA = 1 << 1
WORDY = 1 << 2
"""Not in datatrove's list of punctuation, so a token that has one is a word."""
UPPER = 1 << 3
LOWER = 1 << 4
DIGIT = 1 << 5
ASCII_DIGIT = 1 << 6
SPECIAL = 1 << 7
"""Somewhere in a word, the English splitter may part the word there."""
PREFIX = 1 << 8
SUFFIX = 1 << 9
QUOTE = 1 << 10
LOWER_LETTER = 1 << 11
UPPER_LETTER = 1 << 12
"""Letters by spaCy's lists; those of scripts without case are both lower and upper."""
ICON = 1 << 13
CURRENCY = 1 << 14
BEFORE_PERIOD = 1 << 15
"""A period at the end of a word is parted from it after such a character."""
SENTENCE_END = 1 << 16
NOT_PUNCTUATION = 1 << 17
"""Of a Unicode category other than P; a word none of whose characters has it is punctuation."""
TERMINAL = 1 << 18
"""A line that ends in one is a sentence's end to FineWeb."""
ALNUM = 1 << 19
HOST = 1 << 20
"""May stand in a host name, apart from hyphen and underscore."""
NUMBER_SIGN = 1 << 21
ELLIPSIS = 1 << 22
PERIOD = 1 << 23
BRACE = 1 << 24
MARK = 1 << 25
"""Combining marks, joiners and other characters that belong to the one before."""
CUE = 1 << 27
CUE_M, CUE_R = 1 << 28, 1 << 29
"""Letters j, k, v; m; r: each phrase of C4 has a word with one of the first or both others."""
NO_ALNUM = 1 << 30
"""A word that has none is one part to RedPajama."""
FOLDS = 1 << 31
"""Numeric, or another to RedPajama (`folding`): a word that has none is its own folded word."""
ALONE = 1 << 26
"""Of a script without spaces: a word of its own to Unicode's word boundaries."""

_LISTED = 0x20000
"""Code points above are unassigned or Han, and are told from one of them."""

_LATIN = (
    *((0x41, 0x24F), (0x250, 0x2AF), (0x1D00, 0x1D9A), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F)),
    *((0xA722, 0xA7FA), (0xAB30, 0xAB64), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A)),
)
_GREEK_CYRILLIC = (
    "αβγδεζηθικλμνξοπρςστυφχψωάέίόώήύабвгдежзийклмнопрстуфхцчшщъыьэюяёәөүҗңһіїєґѓѕјљњќѐѝ"
)
_WITHOUT_CASE = (
    *((0x591, 0x5F4), (0x620, 0x64A), (0x66E, 0x6D5), (0x6E5, 0x6FF), (0x750, 0x77F)),
    *((0x8A0, 0x8BD), (0x900, 0x97F), (0x980, 0x9FF), (0xB80, 0xBFF), (0xC00, 0xCFF)),
    *((0xD80, 0xDFF), (0x1100, 0x11FF), (0x1200, 0x137F), (0x2E80, 0x2FDF), (0x2FF0, 0x303F)),
    *((0x3040, 0x30FF), (0x31C0, 0x31EF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF)),
    *((0xF900, 0xFAFF), (0xFB1D, 0xFB4F), (0xFB50, 0xFBB1), (0xFBD3, 0xFD3D), (0xFD50, 0xFDC7)),
    *((0xFDF0, 0xFDFB), (0xFE30, 0xFE4F), (0xFE70, 0xFEFC), (0x1EE00, 0x1EEBB), (0x1F200, 0x1F2FF)),
)
_ALONE = (
    *((0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF)),
    *((0x3006, 0x3007), (0x3041, 0x3096), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAA60, 0xAADF)),
    *((0xF900, 0xFAFF), (0x20000, 0x2FA1F), (0x30000, 0x323AF)),
)
_PUNCTUATION_AFFIXES = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
_CURRENCIES = "$£€¥฿₽﷼₴" + "".join(map(chr, range(0x20A0, 0x20C0)))
_INFIXES = "+-*^.,:<>=/–—~|%§²"
_DATATROVE_PUNCTUATION = (
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
)
_DATATROVE_CONTROLS = (*range(9), *range(11, 13), *range(13, 32), *range(127, 160))
_SENTENCE_ENDS = (
    "!.?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫"
    "﹒﹖﹗！．？𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃"
    "𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈｡。"
)
_MORE_TERMINALS = (
    "\u061d؞៕៖។៙៚࠷࠹࠽࠾\u1b7d\u1b7e\u2e53\u2e54𐽕𐽖𐽗𐽘𐽙\U00010f86\U00010f87\U00010f88\U00010f89"
    "𑥄𑥆𑻷𑻸\U00011f43\U00011f44𖺘"
)


@shipped_table
def character_table() -> NDArray[np.uint32]:
    """The bits of each code point, uint32[0x110000].

    >>> table = character_table()
    >>> [bool(table[ord(c)] & ALPHA) for c in "aß水1-"]
    [True, True, True, False, False]
    """
    table = np.zeros(sys.maxunicode + 1, np.uint32)
    for bit, holds in _BY_METHOD:
        table[:_LISTED] |= np.where([holds(chr(c)) for c in range(_LISTED)], bit, 0).astype("u4")
    table[_LISTED:0x40000] = ALPHA | ALNUM
    table[_LISTED:] |= np.uint32(NOT_PUNCTUATION)
    table |= np.uint32(WORDY)
    for bit, characters in _by_list():
        table[list(characters)] |= np.uint32(bit)
    not_wordy = [*map(ord, _DATATROVE_PUNCTUATION), *_DATATROVE_CONTROLS]
    table[[*not_wordy, *_codes(_SENTENCE_ENDS + _MORE_TERMINALS)]] &= np.uint32(~WORDY & 0xFFFFFFFF)
    special = table & np.uint32(PREFIX | SUFFIX | QUOTE | ICON | CURRENCY) != 0
    table[special] |= np.uint32(SPECIAL)
    return table


_BY_METHOD: tuple[tuple[int, Callable[[str], bool]], ...] = (
    (SPACE, str.isspace),
    (ALPHA, str.isalpha),
    (UPPER, str.isupper),
    (LOWER, str.islower),
    (DIGIT, str.isdigit),
    (ALNUM, str.isalnum),
    (NOT_PUNCTUATION, lambda c: unicodedata.category(c)[0] != "P"),
    (MARK, lambda c: unicodedata.category(c) in ("Mn", "Mc", "Me", "Cf")),
    (ICON | PREFIX | SUFFIX, lambda c: unicodedata.category(c) == "So"),
)


def _by_list() -> Iterable[tuple[int, Iterable[int]]]:
    cased = [c for first, last in _LATIN for c in range(first, last + 1)]
    uncased = [c for first, last in _WITHOUT_CASE for c in range(first, last + 1)]
    uncased += range(0x20000, 0x2FA20)
    cased += _codes(_GREEK_CYRILLIC + _GREEK_CYRILLIC.upper())
    yield LOWER_LETTER, [*uncased, *(c for c in cased if unicodedata.category(chr(c)) == "Ll")]
    yield UPPER_LETTER, [*uncased, *(c for c in cased if unicodedata.category(chr(c)) == "Lu")]
    yield BEFORE_PERIOD, [*uncased, *(c for c in cased if unicodedata.category(chr(c)) == "Ll")]
    yield BEFORE_PERIOD, _codes("0123456789%²-+|(?:)" + _PUNCTUATION_AFFIXES + _QUOTES)
    yield ASCII_DIGIT, _codes("0123456789")
    yield PREFIX, _codes("§%=—–" + _PUNCTUATION_AFFIXES + _QUOTES + _CURRENCIES)
    yield SUFFIX, _codes("—–" + _PUNCTUATION_AFFIXES + _QUOTES)
    yield QUOTE, _codes(_QUOTES)
    yield CURRENCY, _codes(_CURRENCIES)
    yield SPECIAL, _codes(_INFIXES)
    yield SENTENCE_END, _codes(_SENTENCE_ENDS)
    yield TERMINAL, _codes(_SENTENCE_ENDS + _MORE_TERMINALS)
    host = [*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xA1, 0x10000)]
    yield HOST, host
    yield ALONE, [c for first, last in _ALONE for c in range(first, last + 1)]
    yield NUMBER_SIGN, _codes("#")
    yield ELLIPSIS, _codes("…")
    yield PERIOD, _codes(".")
    yield BRACE, _codes("{")
    every = [chr(code) for code in range(sys.maxunicode + 1)]
    yield NO_ALNUM, [ord(c) for c in every if not c.isalnum()]
    yield FOLDS, [ord(c) for c in every if not is_itself(c)]
    yield CUE, _codes("jJkKvV")
    yield CUE_M, _codes("mM")
    yield CUE_R, _codes("rR")


def _codes(characters: str) -> list[int]:
    return [ord(character) for character in characters]
