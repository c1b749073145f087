"""Texts on which two tokenizers that claim the same ids are compared when a file is loaded.

A sentence in each of 32 languages, source code, markup, runs of blanks, digits and letters of many
lengths, contractions, emoji, combining marks, control characters, and code points from all over
Unicode beside letters, digits and spaces. They are a guard, not the proof: an engine is only
compared here if the file's structure says that it can't differ (`transforms.byte_level`).

Cost: 90 kB, some 30 ms for a fast engine and 100 ms for a slow one.
"""

import functools

_SENTENCES = """\
The mill-wheel hasn't turned since 1987, they've said; it's 3.5 metres wide ("a giant's toy").
Das Wasser fließt über die Straße, größer als je zuvor: 12.345 Liter!
L'eau qu'on n'a pas bue s'écoule déjà jusqu'à l'été… Où ça ?
El agua baja del monte; ¿cuánta queda en la presa? ¡Ninguna!
A água não espera: corações e pães à beira do açude.
L'acqua è più fredda perché c'è la neve, e così sia.
Het ijs smolt één dag vóór de überkoele lente.
Źdźbło trawy płynie w górę rzeki, choć łódź już śpi.
Příliš žluťoučký kůň pil u řeky celých 17 dní.
Вода течёт вниз по трубе, и ничто её не остановит.
Вода тече під гору? Ні, п'ять літрів згори — і все.
Водата слиза от язовира към мелницата.
Το νερό κυλά αργά προς τον μύλο· πόσο ακόμη;
Su değirmene ığıl ığıl akıyor, İstanbul'da ise yağmur var.
Nước chảy đá mòn, người đợi bên bờ sông từ sáng.
الماء يجري نحو الطاحونة، أليس كذلك؟ نعم: ١٢٣ لترًا.
آب به سوی آسیاب می‌رود و باز نمی‌گردد.
המים זורמים אל הטחנה, וזה שלוֹם.
पानी चक्की की ओर बहता है, १२ मील दूर।
পানি কলের দিকে বয়ে যায়।
தண்ணீர் ஆலையை நோக்கி ஓடுகிறது.
నీరు మిల్లు వైపు ప్రవహిస్తుంది.
น้ำไหลลงสู่โรงสีตลอดทั้งวันทั้งคืน
წყალი წისქვილისკენ მიედინება.
Ջուրը հոսում է դեպի ջրաղացը։
ውሃ ወደ ወፍጮው ይፈስሳል።
ទឹកហូរទៅរកម៉ាស៊ីនកិន។
水从水库流向磨坊,一天一万二千升。
水は水車小屋へ流れ、カタカタと音がする。
물은 방앗간으로 흘러간다.
Maji hutiririka kuelekea kinuni, ng'ombe hunywa.
Vesi virtaa myllylle, ja pyörä pyörii yötä päivää.
"""
_ODD = """\
def flow(x: int, *, y=0.5) -> None:\n\tif x >= 10_000 and not y:\n        return {"a": [1, 22, 333]}
<p class='x'>a&amp;b</p><!-- --><br/>\r\n\r\nhttps://example.org/a?b=c&d=%20#e me@example.org
I'LL we'Ve it'S DON'T 'tis ''s 's'd'm'll're'veX 'ſ 'K o’clock's can't've
1 12 123 1234 12345 ²³ ½ Ⅷ ٣٤ 〇 1a2b3c 1,234,567.89 3–4 50% $5 €7 №9
camelCaseWords SCREAMING_SNAKE XMLHttpRequest ǅ ǈ aǅb ßẞ İi ﬁﬂ
👍🏽 👩\u200d👩\u200d👧 🏳️\u200d🌈🇩🇪 ☃︎ ♥️ e\u0301\u0323 a\u0323\u0308 Z\u0351\u036b\u0343a\u0334
\u202eRTL\u202c \ufeffbom a\u00adb zero\u200bwidth \ufffd\ufffe\U0010ffff \u0130i \u1e9e \u212a
\x00 \x00\x01\x1f\x7f\x80\x85\x9f a\x85b \u2028\u2029\u180e\u00a0\u3000\u2009x
<|endoftext|> </s> <s>[SEP] <unk> <|im_start|> Ġ Ċ ▁ ▁▁a </w> @@ ##ing
"""
_RUNS = (" ", "\n", "\t", "\r\n", " \n", "\u00a0", "a", "ab", "A", "é", "中", "1", "!", "-=", "🙂")
_LENGTHS = (1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 64, 130)
_ALL_BELOW, _STEP, _END = 0x180, 61, 0x20000
_SURROGATES = range(0xD800, 0xE000)


@functools.cache
def probe_texts() -> tuple[str, ...]:
    """The texts, the empty one among them; together some 90 kB."""
    runs = [f"x{run * n}y" for run in _RUNS for n in _LENGTHS]
    ends = [f"{run * 3}{word}{run * 2}" for run in _RUNS[:6] for word in ("", "a", "1", "?")]
    codes = [*range(_ALL_BELOW), *range(_ALL_BELOW, _END, _STEP)]
    letters = [chr(code) for code in codes if code not in _SURROGATES]
    mixed = "".join(f"a{c}a1{c}1!{c} {c}\n{c}A" for c in letters)
    sentences = [*_SENTENCES.splitlines(), *_ODD.splitlines()]
    return ("", *sentences, _SENTENCES, _ODD, " ".join(runs), "".join(runs), *ends, mixed)
