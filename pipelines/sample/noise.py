"""Text that a corpus is better without: stuffed keywords, and addresses of people.

Names are made up; addresses are at example.org and numbers from the ranges kept for fiction
(555-0100 to 555-0199 in North America, 020 7946 0000 to 0999 in London).
"""

from dataclasses import dataclass

from pipelines.sample.choices import number, pick, shuffled, some

_WARES = (
    "garden hose", "desk lamp", "travel pillow", "phone case", "water filter", "yoga mat",
    "running shoes", "coffee maker", "bike lock", "kitchen scale", "rain jacket", "tool box",
    "camping stove", "wall clock", "dog basket", "picture frame", "hair dryer", "tent pole",
    "bath towel", "steam iron", "snow shovel", "bread knife", "alarm clock", "office chair",
    "fishing rod", "solar charger", "air pump", "paint brush", "door mat", "lunch box",
)  # fmt: skip
_STUFFING = (
    "cheap {w}", "best {w}", "buy {w} online", "{w} near me", "{w} discount", "{w} sale today",
    "{w} free shipping", "top ten {w}", "{w} review 2026", "{w} coupon code", "new {w} deals",
    "{w} lowest price", "original {w} store", "{w} wholesale", "order {w} now", "{w} outlet",
    "luxury {w} for less", "{w} best price", "{w} fast delivery", "compare {w} prices",
)  # fmt: skip
_SHOUTS = (
    "Click here for the best {w} deals!!!", "Buy {w} now and save 70%!!!",
    "Don't miss this amazing {w} offer!!!", "Limited time: {w} at the lowest price ever!!!",
)  # fmt: skip
_FIRST = ("Ada", "Bruno", "Chidi", "Dolores", "Erik", "Farah", "Goran", "Hana", "Ines", "Jonas")
_LAST = ("Attwell", "Brandt", "Castell", "Dahl", "Egger", "Fontane", "Garrod", "Holm", "Ikeda")
_EVENTS = (
    "the spring repair day", "the evening walk along the dyke", "the seed exchange",
    "the open day at the pumping station", "the bread course", "the night at the telescope",
    "the wheel-building class", "the clean-up below the bridge",
)  # fmt: skip
_PLACES = ("the old boathouse", "the mill yard", "the school hall", "the allotment gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactNote:
    """A paragraph that names people, and what in it should not be passed on."""

    text: str
    emails: tuple[str, ...]
    phones: tuple[str, ...]


def spam_words(index: int, *, seed: int) -> tuple[str, tuple[str, ...]]:
    """Title and paragraphs of a page stuffed with one ware's name, a shout repeated in between."""
    ware = _WARES[index % len(_WARES)]
    shout = pick(_SHOUTS, seed, "shout", index).format(w=ware)
    paragraphs: list[str] = []
    for part in range(4 + number(4, seed, "parts", index)):
        words = [s.format(w=ware) for s in shuffled(_STUFFING, seed, "stuffing", index, part)]
        paragraphs += [", ".join(words), " ".join([shout] * (2 + part % 3))]
    return f"{ware.title()} - best {ware} cheap {ware} online", tuple(paragraphs)


def contact_note(index: int, *, seed: int) -> ContactNote:
    """A notice of a club with two people to write to or to ring up."""
    people = [
        (first, last)
        for first, last in zip(
            some(_FIRST, 2, seed, "first", index), some(_LAST, 2, seed, "last", index), strict=True
        )
    ]
    emails = tuple(f"{first}.{last}@example.org".lower() for first, last in people)
    phones = (
        f"({202 + index}) 555-01{number(100, seed, 'phone', index):02d}",
        f"020 7946 0{number(1000, seed, 'london', index):03d}",
    )
    names = [f"{first} {last}" for first, last in people]
    text = (
        f"If you would like to come to {pick(_EVENTS, seed, 'event', index)} on the "
        f"{number(27, seed, 'day', index) + 2}th, write to {names[0]} ({emails[0]}) or ring "
        f"{phones[0]} before noon. {names[1]} keeps the list of what to bring and can be reached "
        f"at {emails[1]}, or on {phones[1]} after six. We meet at "
        f"{pick(_PLACES, seed, 'place', index)}."
    )
    return ContactNote(text=text, emails=emails, phones=phones)
