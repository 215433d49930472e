"""Which language a short text is in. The one place that names py3langid; refuses to guess when unsure, and says "" instead.

The model's probabilities are weighed with how common a language is on the networks, and with what the author claims. A claim of
another language than English was chosen by somebody; a claim of English is often an app's default, so it weighs much less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Protocol

# Handles, addresses and leftovers of HTML; a hashtag keeps its word.
_NOT_LANGUAGE = re.compile(r"https?://\S+|www\.\S+|[@＠][\w.\-]+(?:@[\w.\-]+)?|&[a-z]{2,6};")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

MAX_CHARACTERS = 1500
"""More than that says nothing new."""

SURE = 0.55
"""Share of the weighed evidence that the best language must hold. Between a coin flip and certainty: a text that is not scored is
shown as such, a text scored by the wrong method misleads; yet one-word praise and anger should count."""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


NEGLIGIBLE = 0.0002
"""Shares below this cannot win, whatever their weight."""

ENGLISH_SHARE = 0.15
"""Of a text's words, how many English ones settle it without asking the model."""

_ENGLISH_CLAIM = 3.0
_OTHER_CLAIM = 40.0
# How common languages are in posts on open networks, in rough parts: English far ahead, a score of large ones, the rest.
_LARGE = _words("ar de es fa fr hi id it ja ko nl pl pt ru sv th tr uk vi zh")
_MIDDLE = _words("bg bn ca cs da el et eu fi gl gu he hr hu kn lt lv mk ml mr ms nb no pa ro sk sl sr sw ta te tl ur")
_WEIGHTS = {"en": 20.0} | dict.fromkeys(_LARGE, 6.0) | dict.fromkeys(_MIDDLE, 1.0)
_RARE_WEIGHT = 0.1
# Varieties that a method for the large language serves, or that the model cannot tell apart in a short text.
_SAME = {"yue": "zh", "wuu": "zh", "arz": "ar", "ary": "ar", "nn": "no", "nb": "no", "bs": "hr", "zxx": ""}

# Two of these and nothing of another language: English without asking the model. None is a common word elsewhere.
_ENGLISH = _words(
    "the and you that this my with your what just they from would why how been i'm don't it's can't didn't doesn't won't i've",
    "there their which because should could about any anyone please when were where have but get can has had like good more some our",
    "who than into being know people think going really got she these those still again ever never always every thing things think",
    "that's what's you're they're isn't wasn't aren't i'll we're let's could've today tonight tomorrow yesterday",
)
# Hindi and Urdu are written in Latin letters as often as not, and the model knows them only in their own scripts.
_ROMAN_HINDI = _words(
    "hai hain nahi nahin nhi kya kyu kyun kyon kaise mujhe tumhe hum tum aap mera meri mere tera teri tere hamara tumhara apna apni",
    "apne uska uski unka iska iski bhi bhai yaar aur ka ki ke ko tha thi hota hoti hote raha rahi rahe karo karna karta karte kiya",
    "kar gaya gayi jata wala wale wali abhi kabhi phir lekin magar koi kuch kuchh sab bahut bohot acha accha achha ek jo jab tab se",
    "mein mai haan ji toh liye diya dia hua hui hue kisi sabse logo log baat matlab yeh woh ye wo dekho bolo sirf",
    "apka apki apke aapka aapki aapke kr krna krne krta krti krte kro krke rha rhe rhi hoga hogi honge chahiye chahie nai bilkul kaafi",
    "theek thik thk arey arre kahi kaha kahan yahan wahan hamesha khuda kasam zamana bechara jaye jaoo jata jati jayega jayegi gyi gya",
    "kbhi kbi mje tumhara unko inko isko usko warna itna itni jitna kitna kitni pehle baad saath lagta lagti milega milta",
)
_ROMAN_HINDI_SHARE = 0.2


class _Identifier(Protocol):
    def rank(self, instance: str) -> list[tuple[str, float]]: ...


class Languages:
    """Finds languages. The first loading in a process reads a model from disk, which takes a moment; it is kept."""

    __slots__ = ("_model",)

    method = "py3langid-0.4+words-2"
    """Model and rules of this file: changes when the same text may get another answer."""

    def __init__(self, model: _Identifier) -> None:
        self._model = model

    @classmethod
    def load(cls) -> Languages:
        """With py3langid's own model. The first time it is slow (about half a second) and reads the disk."""
        return cls(_model())

    def find(self, text: str, claimed: Iterable[str] = ()) -> str:
        """The language's BCP-47 primary tag, or "" when unsure. Only letters count; handles and addresses do not."""
        plain = _NOT_LANGUAGE.sub(" ", text[:MAX_CHARACTERS]).replace("’", "'")
        words = _WORD.findall(plain.casefold())
        if not words:
            return ""
        hindi = sum(word in _ROMAN_HINDI for word in words)
        english = sum(word in _ENGLISH for word in words)
        if english >= 2 and english >= ENGLISH_SHARE * len(words) and not hindi and all(map(str.isascii, words)):
            return "en"
        posterior = self._weighed(" ".join(_WORD.findall(plain)), claimed)
        best = max(posterior, key=lambda lang: (posterior[lang], lang))
        if (
            hindi >= 2
            and hindi >= _ROMAN_HINDI_SHARE * len(words)
            and hindi > english
            and (best == "en" or posterior[best] < 0.9)
        ):
            return "hi"
        return best if posterior[best] >= SURE * sum(posterior.values()) else ""

    def _weighed(self, plain: str, claimed: Iterable[str]) -> dict[str, float]:
        claims = {tag.casefold().split("-", 1)[0] for tag in claimed}
        weighed: dict[str, float] = {}
        for lang, share in self._model.rank(plain):  # best first
            if share < NEGLIGIBLE:
                break
            known = _SAME.get(lang, lang)
            weight = _WEIGHTS.get(known, _RARE_WEIGHT)
            if known in claims:
                weight *= _ENGLISH_CLAIM if known == "en" else _OTHER_CLAIM
            weighed[known] = weighed.get(known, 0.0) + share * weight
        total = sum(weighed.values()) or 1.0
        return {lang: value / total for lang, value in weighed.items()}


@cache
def _model() -> _Identifier:
    """Nobody changes it: one is enough for whoever asks."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model: _Identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)  # type: ignore[no-untyped-call]
    return model
