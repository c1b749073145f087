"""The models of a text run, loaded before it starts, so that a broken one is found then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock import storage
from penstock.errors import UsageError
from penstock.manifest import TokenizerInfo
from pipelines.extras import require_extras
from pipelines.models import checked_hash, local_copy
from pipelines.plan import StageResult
from pipelines.recipe.model import TextRecipe
from pipelines.system_errors import reason
from pipelines.text.tokenizer import MODEL, load_run_tokenizer
from transforms.extract_options import ExtractEngine
from transforms.heuristics.word_lists import WordList, WordListFile
from transforms.language import UNDETERMINED, LanguageModel, LanguageOptions
from transforms.page.forest import judge_digest
from transforms.tokenizers import Tokenizer, TokenizerOptions

_SMALL_VOCABULARY = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Digests of the models by name, and the type of the token ids that the run will make."""

    artefacts: Mapping[str, str]
    token_type: str
    options: TokenizerOptions
    notices: tuple[str, ...]


def load_models(recipe: TextRecipe) -> Models:
    """Load every model that the recipe names, so that a broken one is found now.

    Raises:
        UsageError: names the key, the file and what is wrong with it.
        MissingExtraError: the recipe asks for an engine that isn't installed.
    """
    if recipe.extract.engine is ExtractEngine.TRAFILATURA:
        require_extras("trafilatura", command="extract.engine: trafilatura")
    try:
        language, notice = _language_model(recipe.language)
        _check_languages(recipe.language, language.languages)
        lists, notices = _bad_words(recipe.heuristics.bad_words, language.languages)
        artefacts = {"language": language.digest, **lists}
        if recipe.extract.engine is ExtractEngine.PENSTOCK:
            artefacts["main_text"] = judge_digest()
        if recipe.tokenizer.fit is None:
            tokenizer = load_run_tokenizer(recipe.tokenizer, None)
            artefacts["tokenizer"] = tokenizer.digest
            size = tokenizer.vocabulary_size
        else:
            size = recipe.tokenizer.fit.vocabulary_size
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error
    token_type = "uint16" if size <= _SMALL_VOCABULARY else "uint32"
    return Models(
        artefacts=artefacts,
        token_type=token_type,
        options=recipe.tokenizer,
        notices=tuple(told for told in (notice, *notices) if told is not None),
    )


def _language_model(options: LanguageOptions) -> tuple[LanguageModel, str | None]:
    """The model, and what to tell the user of its file."""
    try:
        if options.model is None:
            return LanguageModel.load(None), None
        path = local_copy(options.model)
        told = checked_hash("language.model", options.model, path, wanted=options.model_hash)
        return LanguageModel.load(path), told
    except OSError as error:
        raise UsageError(
            f"language.model: can't read {options.model!r} ({reason(error)}); give a fastText "
            "model's path or URL, or null for the model that ships"
        ) from error
    except ValueError as error:
        raise UsageError(f"language.model: {error}") from error


def _check_languages(options: LanguageOptions, languages: Sequence[str]) -> None:
    """Whether the model can give each language that the recipe names."""
    named = {"keep": options.keep or (), "minimum_scores": options.minimum_scores}
    for key, codes in named.items():
        unknown = sorted(set(codes) - {*languages, UNDETERMINED})
        if unknown:
            raise UsageError(
                f"language.{key}: the language model knows no {unknown[0]!r}, so no page would "
                f"ever have it; it knows {', '.join(sorted(languages))}, and {UNDETERMINED!r}"
            )


def _bad_words(
    lists: Mapping[str, WordListFile], languages: Sequence[str]
) -> tuple[dict[str, str], list[str | None]]:
    """The digests of the lists of bad words, and what to tell the user of their files."""
    digests, notices = {}, []
    for language, of_language in lists.items():
        key = f"heuristics.bad_words.{language}"
        if language not in languages:
            raise UsageError(
                f"{key}: the language model knows no {language!r}, so the list would never be "
                f"looked for; it knows {', '.join(sorted(languages))}"
            )
        path = local_copy(of_language.file)
        try:
            digests[f"bad_words.{language}"] = WordList.load(path).digest
        except ValueError as error:
            raise UsageError(f"{key}.file: {error}") from error
        wanted = of_language.file_hash
        notices.append(checked_hash(f"{key}.file", of_language.file, path, wanted=wanted))
    return digests, notices


def used_tokenizer(
    models: Models, results: Mapping[str, StageResult]
) -> tuple[TokenizerInfo, dict[str, str]]:
    """What the manifest says of the tokenizer, and the digests of all models, fitted ones too."""
    fitted = results["tokenizer"].files(MODEL)[0] if "tokenizer" in results else None
    tokenizer = load_run_tokenizer(models.options, fitted)
    artefacts = {**models.artefacts, "tokenizer": tokenizer.digest}
    return _info(tokenizer, models.token_type), artefacts


def tokenizer_engine(models: Models, results: Mapping[str, StageResult]) -> dict[str, str]:
    """Which library encoded, and why it wasn't a faster one, if that's so; for run.json."""
    fitted = results["tokenizer"].files(MODEL)[0] if "tokenizer" in results else None
    tokenizer = load_run_tokenizer(models.options, fitted)
    return {"engine": tokenizer.engine, "note": tokenizer.engine_note}


def _info(tokenizer: Tokenizer, token_type: str) -> TokenizerInfo:
    return TokenizerInfo(
        kind=tokenizer.kind,
        digest=tokenizer.digest,
        vocabulary_size=tokenizer.vocabulary_size,
        special_ids=dict(tokenizer.special_ids),
        token_type=token_type,
    )


def keep_fitted(out: str, results: Mapping[str, StageResult]) -> None:
    """Copy a fitted tokenizer into OUT/index, for the trainer and for the next refresh."""
    if "tokenizer" in results:
        data = storage.read_bytes(results["tokenizer"].files(MODEL)[0])
        storage.write_bytes(storage.join(out, "index", "tokenizer.model"), data)
