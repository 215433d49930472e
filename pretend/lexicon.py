"""What a record must look like, and how a person's text becomes one.

`check` is the reference PDS's judgement on a record (posts closely, likes, blocks and threadgates for what they point at, the
rest for its type only); `post_record` writes a post as an app would, with facets for the handles, links and tags in its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import regex

from pretend.wire import BLOCK, DID, GATE, LIKE, POST, Json, bad_request, parse_datetime

MAX_GRAPHEMES = 300
MAX_BYTES = 3000
MAX_LANGS = 3
MAX_TAGS = 8
MAX_HIDDEN = 300
MAX_IMAGES = 4
MAX_IMAGE_BYTES = 1_000_000

_FACET = re.compile(
    r"(?P<mention>(?<![\w@.])@[a-zA-Z0-9][a-zA-Z0-9.-]*\.[a-zA-Z]{2,})"
    r"|(?P<link>https?://[^\s<>\u0000-\u001f]+)"
    r"|(?P<tag>(?<!\w)#[^\W\d_]\w{0,60})"
)


def graphemes(text: str) -> int:
    """How many extended grapheme clusters the text has: the unit of the 300 limit."""
    return len(regex.findall(r"\X", text))


def check(collection: str, record: object, *, strict_facets: bool = True) -> None:
    """Accept the record or say what is wrong with it.

    With `strict_facets` also facets that overlap, run backwards or lie outside the text are refused. The reference
    server takes those and shows nonsense.

    Raises:
        XrpcError: 400 InvalidRequest with the lexicon's words, e.g. ``grapheme too big``.
    """
    if not isinstance(record, dict):
        raise bad_request("Input/record must be an object")
    kind = record.get("$type")
    if kind is None:
        raise bad_request("Record/$type must be a string")
    if kind != collection:
        raise bad_request(f"Invalid $type: expected {collection}, got {kind}")
    judge = _SMALL.get(collection)
    problem = _post_problem(record, strict_facets) if collection == POST else judge(record) if judge else None
    if problem:
        raise bad_request(f"Invalid {collection} record: {problem}")


def _pointing_problem(record: Json) -> str | None:
    subject = record.get("subject")
    if not isinstance(subject, dict) or not str(subject.get("uri", "")).startswith("at://") or not subject.get("cid"):
        return "Record/subject must be a strong reference"
    return _created_problem(record.get("createdAt"))


def _block_problem(record: Json) -> str | None:
    if not DID.match(str(record.get("subject"))):
        return "Record/subject must be a valid did"
    return _created_problem(record.get("createdAt"))


def _gate_problem(record: Json) -> str | None:
    if not str(record.get("post", "")).startswith("at://"):
        return "Record/post must be a valid at-uri"
    hidden = record.get("hiddenReplies", [])
    if not isinstance(hidden, list) or not all(isinstance(uri, str) and uri.startswith("at://") for uri in hidden):
        return "Record/hiddenReplies must be an array of at-uris"
    if len(hidden) > MAX_HIDDEN:
        return f"array too big (maximum {MAX_HIDDEN}, got {len(hidden)}) at $.hiddenReplies"
    return _created_problem(record.get("createdAt"))


_SMALL: dict[str, Callable[[Json], str | None]] = {LIKE: _pointing_problem, BLOCK: _block_problem, GATE: _gate_problem}


def _post_problem(record: Json, strict_facets: bool) -> str | None:
    for problem in (
        _text_problem(record.get("text")),
        _created_problem(record.get("createdAt")),
        _list_problem(record, "langs", MAX_LANGS),
        _list_problem(record, "tags", MAX_TAGS),
        _reply_problem(record),
        _images_problem(record),
    ):
        if problem:
            return problem
    return _facet_problem(record["text"], record.get("facets", []), strict_facets)


def _text_problem(text: object) -> str | None:
    if not isinstance(text, str):
        return "Record/text must be a string"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "Record/text must be valid Unicode"
    if size > MAX_BYTES:
        return f"string too big (maximum {MAX_BYTES}, got {size}) at $.text"
    count = graphemes(text)
    return f"grapheme too big (maximum {MAX_GRAPHEMES}, got {count}) at $.text" if count > MAX_GRAPHEMES else None


def _created_problem(created: object) -> str | None:
    if not isinstance(created, str):
        return "Record must have the property createdAt"
    return None if parse_datetime(created) is not None else "Record/createdAt must be a valid atproto datetime"


def _list_problem(record: Json, key: str, most: int) -> str | None:
    value = record.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return f"Record/{key} must be an array of strings"
    return f"array too big (maximum {most}, got {len(value)}) at $.{key}" if len(value) > most else None


def _reply_problem(record: Json) -> str | None:
    if "reply" not in record:
        return None
    reply = record["reply"]
    if not isinstance(reply, dict):
        return "Record/reply must be an object"
    for end in ("root", "parent"):
        ref = reply.get(end)
        if not isinstance(ref, dict):
            return f'Record/reply must have the property "{end}"'
        uri, cid = ref.get("uri"), ref.get("cid")
        if not isinstance(uri, str) or not uri.startswith("at://") or uri.count("/") != 4:
            return f"Record/reply/{end}/uri must be a valid at-uri"
        if not isinstance(cid, str) or not cid:
            return f"Record/reply/{end}/cid must be a cid string"
    return None


def images_of(record: Json) -> list[Json]:
    """The pictures of a record, where it has any."""
    embed = record.get("embed")
    if not isinstance(embed, dict) or embed.get("$type") != "app.bsky.embed.images":
        return []
    images = embed.get("images")
    return images if isinstance(images, list) else []


def _images_problem(record: Json) -> str | None:
    images = images_of(record)
    if len(images) > MAX_IMAGES:
        return f"array too big (maximum {MAX_IMAGES}, got {len(images)}) at $.embed.images"
    for image in images:
        blob = image.get("image") if isinstance(image, dict) else None
        if not isinstance(blob, dict) or blob.get("$type") != "blob" or not isinstance(blob.get("ref"), dict):
            return 'Record/embed/images/0 must have the property "image"'
        if not isinstance(image.get("alt"), str):
            return 'Record/embed/images/0 must have the property "alt"'
        if not str(blob.get("mimeType")).startswith("image/"):
            return "Record/embed/images/0/image must be of a mime type image/*"
        if not isinstance(blob.get("size"), int) or blob["size"] > MAX_IMAGE_BYTES:
            return f"This file is too large. It is {blob.get('size')} but the maximum size is {MAX_IMAGE_BYTES}."
        ratio = image.get("aspectRatio")
        if ratio is not None and not (
            isinstance(ratio, dict)
            and all(isinstance(ratio.get(side), int) and ratio[side] > 0 for side in ("width", "height"))
        ):
            return "Record/embed/images/0/aspectRatio must hold integers of at least 1"
    return None


def _facet_problem(text: str, facets: object, strict: bool) -> str | None:
    if not isinstance(facets, list):
        return "Record/facets must be an array"
    size = len(text.encode())
    spans: list[tuple[int, int]] = []
    for facet in facets:
        index = facet.get("index") if isinstance(facet, dict) else None
        if not isinstance(index, dict):
            return 'Record/facets/0 must have the property "index"'
        start, end = index.get("byteStart"), index.get("byteEnd")
        if not isinstance(start, int) or not isinstance(end, int) or start < 0 or end < 0:
            return "Record/facets/index must hold integers of at least 0"
        if strict and not start < end <= size:
            return f"facet index {start}..{end} is not within the {size} bytes of the text"
        spans.append((start, end))
        problem = _feature_problem(facet.get("features"))
        if problem:
            return problem
    spans.sort()
    overlap = strict and any(left[1] > right[0] for left, right in pairwise(spans))
    return "facets overlap" if overlap else None


def _feature_problem(features: object) -> str | None:
    if not isinstance(features, list):
        return 'Record/facets must have the property "features"'
    for feature in features:
        if not isinstance(feature, dict) or not isinstance(feature.get("$type"), str):
            return "Record/facets/features must have the property $type"
        if feature["$type"].endswith("#mention") and not DID.match(str(feature.get("did"))):
            return "Record/facets/features/did must be a valid did"
        if feature["$type"].endswith("#link") and not isinstance(feature.get("uri"), str):
            return "Record/facets/features/uri must be a uri"
    return None


def facets_of(text: str, resolve: Callable[[str], str | None]) -> list[Json]:
    """Facets for the handles that `resolve` knows, the links and the tags; offsets are UTF-8 bytes."""
    found: list[Json] = []
    for match in _FACET.finditer(text):
        written = match.group()
        if match.lastgroup == "mention":
            written = written.rstrip(".")
            did = resolve(written[1:].lower())
            if did is None:
                continue
            feature: Json = {"$type": "app.bsky.richtext.facet#mention", "did": did}
        elif match.lastgroup == "link":
            feature = {"$type": "app.bsky.richtext.facet#link", "uri": written}
        else:
            feature = {"$type": "app.bsky.richtext.facet#tag", "tag": written[1:]}
        start = len(text[: match.start()].encode("utf-8", "surrogatepass"))
        end = start + len(written.encode("utf-8", "surrogatepass"))
        found.append({"index": {"byteStart": start, "byteEnd": end}, "features": [feature]})
    return found


def post_record(
    text: str,
    created_at: str,
    *,
    resolve: Callable[[str], str | None],
    langs: tuple[str, ...] = (),
    reply: Json | None = None,
    quote: Json | None = None,
) -> Json:
    """The record that an app would write for this text. `reply` holds root and parent, `quote` a strong reference."""
    record: dict[str, Any] = {"$type": POST, "text": text, "createdAt": created_at}
    facets = facets_of(text, resolve)
    if facets:
        record["facets"] = facets
    if langs:
        record["langs"] = list(langs)
    if reply:
        record["reply"] = reply
    if quote:
        record["embed"] = {"$type": "app.bsky.embed.record", "record": quote}
    return record


def mentioned_dids(record: Json) -> list[str]:
    """The DIDs named by mention facets, in order; tolerant of records nobody validated."""
    facets = record.get("facets")
    return [
        str(feature["did"])
        for facet in (facets if isinstance(facets, list) else [])
        if isinstance(facet, dict) and isinstance(facet.get("features"), list)
        for feature in facet["features"]
        if isinstance(feature, dict) and str(feature.get("$type", "")).endswith("#mention") and "did" in feature
    ]


def reply_uri(record: Json, end: str) -> str | None:
    """The at-URI of a reply's ``root`` or ``parent``, or None."""
    reply = record.get("reply")
    ref = reply.get(end) if isinstance(reply, dict) else None
    uri = ref.get("uri") if isinstance(ref, dict) else None
    return uri if isinstance(uri, str) else None


def quoted_uri(record: Json) -> str | None:
    """The at-URI of the record that this one quotes, or None."""
    embed = record.get("embed")
    if isinstance(embed, dict) and embed.get("$type") == "app.bsky.embed.recordWithMedia":
        embed = embed.get("record")
    ref = embed.get("record") if isinstance(embed, dict) else None
    uri = ref.get("uri") if isinstance(ref, dict) else None
    return uri if isinstance(uri, str) else None
