from pathlib import Path

from pipelines.train import train_tokenizer
from transforms.tokenizers import FitOptions

ROOT = Path(__file__).parents[2]


def test_the_shipped_tokenizer_is_what_its_card_says() -> None:
    # Remade by the command in transforms/models/quickstart.model.md.
    texts = str(ROOT / "pipelines" / "sample" / "texts" / "*" / "*.txt")
    model = train_tokenizer([texts], options=FitOptions(vocabulary_size=6000), seed=0)
    assert model == (ROOT / "transforms" / "models" / "quickstart.model").read_bytes()
