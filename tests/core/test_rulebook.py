"""Rule files become a rulebook or all of their problems, each at its line and column; combining knows no order."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from listener.language import Languages
from listener.model.judged import Context
from listener.model.problems import Problem
from listener.model.scales import Priority
from listener.query.subject import Subject
from listener.rulebook.check import check
from listener.rulebook.combine import combine, findings, says, span
from listener.rulebook.parse import MAX_ALIASES, MAX_FILE, names_in, parse
from listener.rulebook.shape import Rule, Rulebook, Scope, TopicKind, content_hash
from listener.rulebook.subject import Heard, Methods
from listener.rulebook.track import TRACK_FILE, track_file, with_track
from listener.sentiment import Vader
from tests.core.rulebooks import PLAIN, book, problems

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

RULE = """\
rules:
  - id: outage
    title: Service outage
    owner: ops
    scope: {addressed: yes}
    when: down OR outage
    then: {priority: high, reply within: 1h, tags: [outage], team: ops, open: yes}
    examples:
      fires: ["it is down"]
      silent: ["all fine"]
teams:
  - {key: ops, title: Operations}
"""
SHIPPED = Path(__file__).parents[2] / "rules"


def shipped_files() -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in SHIPPED.glob("*.yaml")}


def test_a_whole_rule() -> None:
    rule = book(r_yaml=RULE).rules[0]
    assert (rule.id, rule.title, rule.owner, rule.rank) == ("outage", "Service outage", "ops", 0)
    assert rule.scope == Scope(addressed=True)
    assert says(rule) == ["priority high", "reply within 1h", "team ops", "tag outage", "open"]
    assert [one.text for one in rule.fires] == ["it is down"]
    assert (rule.place.file, rule.place.line, rule.place.column) == ("r.yaml", 2, 5)


def changed(old: str, new: str) -> str:
    assert RULE.count(old) == 1, old
    return RULE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (changed("owner: ops", "ower: ops"), [(4, 5, "unknown-key")]),
        (changed("    owner: ops\n", ""), [(2, 5, "missing-key")]),
        (changed("owner: ops", "owner: ops\n    owner: me"), [(5, 5, "repeated-key")]),
        (changed("owner: ops", "owner:"), [(4, 11, "empty-value")]),
        (changed("owner: ops", "owner: [ops]"), [(4, 12, "wrong-type")]),
        (changed("{addressed: yes}", "{addressed: maybe}"), [(5, 12, "empty-scope"), (5, 24, "wrong-type")]),
        (changed("{addressed: yes}", "{}"), [(5, 12, "empty-scope")]),
        (changed("{addressed: yes}", "{addressed: no}"), [(5, 12, "empty-scope")]),
        (changed("{addressed: yes}", "{adressed: yes}"), [(5, 12, "empty-scope"), (5, 13, "unknown-key")]),
        (changed("{addressed: yes}", "{topics: [acme]}"), [(5, 22, "unknown-topic")]),
        (changed("{addressed: yes}", "{kinds: [brnd]}"), [(5, 21, "unknown-value")]),
        (changed("down OR outage", "down OR"), [(6, 16, "missing-operand")]),
        (changed("down OR outage", "topic:acme"), [(6, 17, "unknown-topic")]),
        (changed("down OR outage", "down status:open"), [(6, 16, "field-not-here")]),
        (changed("down OR outage", "down OR #fail"), [(6, 18, "hashtag-is-comment")]),
        (changed("down OR outage", ""), [(6, 10, "empty")]),
        (changed("down OR outage", "[down]"), [(6, 11, "wrong-type")]),
        (
            changed("when: down OR outage", "when: >\n      down OR\n      outage AND\n      sorce:x"),
            [(9, 7, "unknown-field")],
        ),
        (changed("when: down OR outage", "when: |\n      down OR (\n      outage"), [(7, 15, "unclosed-bracket")]),
        (changed("when: down OR outage", "when: 'down OR\n      outage sorce:x'"), [(7, 14, "unknown-field")]),
        (changed("when: down OR outage", 'when: "\\"x\\" sorce:x"'), [(6, 18, "unknown-field")]),
        (changed("priority: high", "priority: hgh"), [(7, 22, "unknown-value")]),
        (changed("1h", "1 hour"), [(7, 42, "bad-duration")]),
        (changed("1h", "30"), [(7, 42, "bad-duration")]),
        (changed("1h", "0m"), [(7, 42, "bad-duration")]),
        (changed("1h", "900d"), [(7, 42, "bad-duration")]),
        (changed("tags: [outage]", "tags: [Out age]"), [(7, 53, "bad-tag")]),
        (changed("team: ops,", "team: oops,"), [(7, 68, "unknown-team")]),
        (changed("open: yes", "open: 1"), [(7, 79, "wrong-type")]),
        (changed("id: outage", "id: Out age"), [(2, 9, "bad-key")]),
        (changed('fires: ["it is down"]', "fires: [{txt: down}]"), [(9, 16, "unknown-key")]),
        (changed('fires: ["it is down"]', "fires: [{text: down, links: many}]"), [(9, 35, "wrong-type")]),
        (changed("rules:", "ruls:"), [(1, 1, "unknown-key")]),
        ("just words", [(1, 1, "wrong-type")]),
        ("- a\n- b", [(1, 1, "wrong-type")]),
        ("rules: 5", [(1, 8, "wrong-type")]),
        ("rules:\n  - 5", [(2, 5, "wrong-type")]),
        ("rules: [\n", [(2, 1, "yaml")]),
        ("rules:\n\t- id: x", [(2, 1, "yaml")]),
        ("rules:\n  - title: a: b", [(2, 13, "yaml")]),
        ("a: 'never closed", [(1, 4, "yaml")]),
        ("a: 1\n---\nb: 2", [(2, 1, "two-documents")]),
        ("a: \x01", [(1, 4, "bad-character")]),
        ("{[a]: b}", [(1, 2, "bad-key")]),
        ("&a [*a]", [(1, 1, "too-many-aliases")]),
        ("[" * 30, [(1, 21, "too-deep")]),
        ("topics:\n  - {key: a, kind: brand, query: NOT b}", [(2, 34, "too-broad")]),
        ("topics:\n  - {key: a, kind: brand, query: 'source:x'}", [(2, 35, "too-broad")]),
        ("topics:\n  - {key: a, kind: brand, query: a}\n  - {key: a, kind: brand, query: b}", [(3, 11, "repeated-id")]),
        ("topics:\n  - {key: a, kind: brand, query: 'a lang:en'}", [(2, 37, "field-not-here")]),
        ("rules:\n  - id: x\n    rank: 1.5", [(2, 5, "missing-key")] * 5 + [(3, 11, "wrong-type")]),
    ],
)
def test_one_mistake_one_place(text: str, places: list[tuple[int, int, str]]) -> None:
    found = problems(text)
    assert [(one.line, one.column, one.code) for one in found] == places
    assert all(one.file == "r.yaml" and one.message for one in found)


def test_many_mistakes_in_many_files_are_told_at_once() -> None:
    one = changed("priority: high", "priority: hgh").replace("team: ops,", "team: oops,")
    found = problems(one, "a.yaml", b_yaml="rules: [", c_yaml="topics:\n  - {key: a, kind: brnd, query: AND}")
    assert [(p.file, p.code) for p in found] == [
        ("a.yaml", "unknown-value"),
        ("b.yaml", "yaml"),
        ("c.yaml", "unknown-value"),
        ("c.yaml", "missing-operand"),
    ]


def test_unknown_names_are_told_only_when_every_file_could_be_read() -> None:
    alone = changed("team: ops,", "team: oops,")
    assert [p.code for p in problems(alone)] == ["unknown-team"]
    assert [p.code for p in problems(alone, b_yaml="teams: [")] == ["yaml"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (changed("owner: ops", "ower: ops"), "did you mean owner?"),
        (changed("team: ops,", "team: oops,"), "did you mean ops?"),
        (changed("priority: high", "priority: hgh"), "did you mean high?"),
        (changed("{addressed: yes}", "{adressed: yes}"), "did you mean addressed?"),
        (changed("down OR outage", "down OR #fail"), "put the query in quotes"),
        (changed("1h", "1 hour"), "a number with m, h or d: 30m, 2h, 1d"),
        ("rules:\n\t- id: x", "indent with spaces, not with tabs"),
        ("rules:\n  - title: a: b", "a text with a colon and a space in it needs quotes"),
    ],
)
def test_hints(text: str, hint: str) -> None:
    assert hint in {one.hint for one in problems(text)}


def test_a_repeated_id_names_the_first_place() -> None:
    found = problems(RULE, "a.yaml", b_yaml=RULE.partition("teams:")[0])
    assert [(p.file, p.line, p.code) for p in found] == [("b.yaml", 2, "repeated-id")]
    assert "a.yaml:2:9" in found[0].hint


def test_no_is_a_word_and_times_are_words() -> None:
    text = "topics:\n  - {key: no, kind: brand, query: 'no', title: 09:30}"
    topic = book(r_yaml=text).topics[0]
    assert (topic.key, topic.title, topic.query.text) == ("no", "09:30", "no")


def test_aliases_have_limits() -> None:
    few = "topics:\n  - &a {key: a, kind: brand, query: a, names: &n [x]}\n  - {key: b, kind: brand, query: b, names: *n}\n"
    assert book(r_yaml=few).topics[1].names == ("x",)
    many = "topics:\n  - &a [x]\n" + "  - *a\n" * (MAX_ALIASES + 1)
    assert [p.code for p in problems(many)] == ["too-many-aliases"]
    laughs = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    assert [p.code for p in problems(laughs)] == ["too-many-aliases"]


def test_sizes_have_limits() -> None:
    assert [p.code for p in problems("#" * (MAX_FILE + 1))] == ["too-big"]
    assert [p.code for p in parse({f"{n}.yaml": "" for n in range(600)})] == ["too-much"]


def test_comments_only_is_an_empty_rulebook() -> None:
    assert book(r_yaml="# nothing yet\n").rules == ()


def test_a_rule_without_examples_is_warned_about() -> None:
    text = RULE.partition("    examples:")[0] + "teams:\n  - key: ops\n"
    assert [(one.line, one.code) for one in book(r_yaml=text).warnings] == [(2, "no-examples")]


@settings(max_examples=150)
@given(st.text(max_size=80), st.integers(0, len(RULE)), st.integers(0, 20))
def test_a_damaged_file_never_crashes(noise: str, at: int, cut: int) -> None:
    text = RULE[:at] + noise + RULE[at + cut :]
    loaded = parse({"r.yaml": text})
    if isinstance(loaded, list):
        lines = (
            text.count("\n")
            + noise.count("\r")
            + noise.count("\x85")
            + noise.count("\u2028")
            + noise.count("\u2029")
            + 2
        )
        assert all(1 <= one.line <= lines and one.column >= 1 for one in loaded)


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            [
                *"abc:-[]{}&*!|>'\"%@`#?,\n ",
                "  ",
                "rules:",
                "- ",
                "id: ",
                "when: ",
                "\t",
                "<<: *a",
                "!!python/object:os.system ",
            ]
        )
    )
)
def test_any_yaml_is_answered(pieces: list[str]) -> None:
    loaded = parse({"r.yaml": "".join(pieces)})
    assert isinstance(loaded, Rulebook) or all(isinstance(one, Problem) for one in loaded)


# Combining


def heard(
    *,
    addressed: bool = True,
    topics: frozenset[str] = frozenset(),
    kinds: frozenset[TopicKind] = frozenset(),
    ours: bool = False,
) -> Heard:
    return Heard("acme", addressed, topics, kinds, (), ours)


NOTHING_MORE = Context("acme")


MANY = """\
teams:
  - key: one
  - key: two
rules:
  - {id: a, title: A, owner: x, scope: {addressed: yes}, when: app, then: {priority: low, tags: [b, a], team: one}}
  - {id: b, title: B, owner: x, scope: {addressed: yes}, when: app, then: {reply within: 2h, tags: [c], team: two}}
  - {id: c, title: C, owner: x, scope: {addressed: yes}, when: down, then: {priority: urgent, reply within: 30m, open: yes}}
  - {id: d, title: D, owner: x, scope: {kinds: [brand]}, when: app, then: {priority: high}}
  - {id: e, title: E, owner: x, scope: {everything: yes}, when: app, rank: 5, then: {team: two}}
  - {id: f, title: F, owner: x, scope: {everything: yes, brands: [other]}, when: app, then: {priority: urgent}}
"""


def test_all_matching_rules_count() -> None:
    found = findings(book(r_yaml=MANY), Subject(text="app down"), heard(), NOTHING_MORE, NOW)
    assert [one.rule.id for one in found] == ["c", "b", "e", "a"]  # urgent, then by the clock, then low
    verdict = combine(found)
    assert verdict.priority is Priority.URGENT
    assert verdict.reply_within == 1800
    assert verdict.tags == ("a", "b", "c")
    assert verdict.team == "two"  # the highest rank
    assert verdict.opens


def test_scopes_keep_rules_to_themselves() -> None:
    rules = book(r_yaml=MANY)
    subject = Subject(text="app down")
    assert {one.rule.id for one in findings(rules, subject, heard(addressed=False), NOTHING_MORE, NOW)} == {"e"}
    by_brand = heard(addressed=False, kinds=frozenset({TopicKind.BRAND}))
    assert {one.rule.id for one in findings(rules, subject, by_brand, NOTHING_MORE, NOW)} == {"d", "e"}


def test_equal_ranks_are_settled_by_id() -> None:
    rules = book(r_yaml=MANY.replace("rank: 5, ", ""))
    assert combine(findings(rules, Subject(text="app"), heard(), NOTHING_MORE, NOW)).team == "one"


def test_a_post_of_ours_fires_no_rule() -> None:
    assert findings(book(r_yaml=MANY), Subject(text="app down", ours=True), heard(ours=True), NOTHING_MORE, NOW) == ()


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.text(alphabet="apdown ", max_size=20))
def test_shuffling_rules_and_files_changes_nothing(chance: random.Random, text: str) -> None:
    head, _, listed = MANY.partition("rules:\n")
    lines = listed.splitlines(keepends=True)
    straight = book(r_yaml=MANY)
    chance.shuffle(lines)
    parts: list[list[str]] = [[], [], []]
    for line in lines:
        chance.choice(parts).append(line)
    names = ["x.yaml", "y.yaml", "z.yaml"]
    chance.shuffle(names)
    files = {name: "rules:\n" + "".join(part) for name, part in zip(names, parts, strict=True)}
    shuffled = parse(dict(chance.sample(list({**files, "t.yaml": head}.items()), 4)))
    assert isinstance(shuffled, Rulebook)
    for told in (heard(), heard(addressed=False, kinds=frozenset({TopicKind.BRAND}))):
        for said in (text, "app down"):
            one = findings(straight, Subject(text=said), told, NOTHING_MORE, NOW)
            two = findings(shuffled, Subject(text=said), told, NOTHING_MORE, NOW)
            assert [(f.rule.id, f.spans) for f in one] == [(f.rule.id, f.spans) for f in two]
            assert combine(one) == combine(two) == combine(tuple(reversed(two)))


def test_the_hash_knows_every_character_and_no_order() -> None:
    assert content_hash({"a": "x", "b": "y"}) == content_hash({"b": "y", "a": "x"})
    assert (
        len(
            {
                content_hash(files)
                for files in ({"a": "xy"}, {"ax": "y"}, {"a": "x", "b": "y"}, {"a": "xb", "": "y"}, {})
            }
        )
        == 5
    )
    assert book(r_yaml=RULE).hash == content_hash({"r.yaml": RULE})


def test_spans_of_time_read_as_written() -> None:
    assert [span(seconds) for seconds in (60, 1800, 3600, 5400, 7200, 86_400, 172_800)] == [
        "1m",
        "30m",
        "1h",
        "90m",
        "2h",
        "1d",
        "2d",
    ]


# Examples, shipped rules, tracked words


def test_an_example_that_fails_is_a_problem_at_its_place() -> None:
    text = RULE.replace('["it is down"]', '["it is down", "all is well"]').replace('["all fine"]', '["slow down"]')
    found = check(book(r_yaml=text), PLAIN, NOW).problems
    assert [(one.line, one.column, one.code) for one in found] == [(9, 29, "must-fire"), (10, 16, "must-not-fire")]


def test_the_shipped_rules_are_a_working_set() -> None:
    loaded = parse(shipped_files())
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    assert loaded.warnings == ()
    wanted = {
        "outage",
        "billing",
        "safety",
        "legal",
        "press",
        "abuse",
        "threats",
        "delivery",
        "login",
        "praise",
        "spam",
        "churn",
    }
    assert wanted <= {rule.id for rule in loaded.rules}
    assert all(rule.fires and rule.silent for rule in loaded.rules)


def test_every_shipped_example_is_judged_as_it_says() -> None:
    loaded = parse(shipped_files())
    assert isinstance(loaded, Rulebook)
    told = check(loaded, Methods(Languages.load(), Vader.load()), NOW)
    assert [str(one) for one in told.problems] == []
    assert len(told.tried) > 80


def test_tracked_words_become_topics_in_place_of_the_example_brand() -> None:
    files = with_track(shipped_files(), ["Acme", "acme support", "障害", "#launch", '" ', "😀"])
    loaded = parse(files)
    assert isinstance(loaded, Rulebook), [str(one) for one in loaded]
    assert [(topic.key, topic.title) for topic in loaded.topics] == [
        ("acme", "Acme"),
        ("acme-support", "acme support"),
        ("launch", "#launch"),
        ("u1f600", "😀"),
        ("u969c-u5bb3", "障害"),
    ]
    assert loaded.topics[1].query.test(Subject(text="Where is ACME Support?"), NOW)
    assert not loaded.topics[1].query.test(Subject(text="support acme"), NOW)
    assert loaded.rules == parse_shipped().rules
    odd = book(track_yaml=track_file(["what? is* this", "lark*", "@acme.example", "$ACME", "{le} “monde"]))
    assert [topic.query.text for topic in odd.topics] == [
        "@acme.example",
        "$ACME",
        "lark*",
        '"le monde"',
        '"what is this"',
    ]
    assert loaded.hash != parse_shipped().hash
    assert TRACK_FILE in loaded.files


def parse_shipped() -> Rulebook:
    loaded = parse(shipped_files())
    assert isinstance(loaded, Rulebook)
    return loaded


@given(st.lists(st.text(max_size=20), max_size=5))
@example(["null", "NULL", "no"])
@example(["“a", "b{c", "$A", "#b*", "*"])
def test_any_tracked_words_make_a_good_file(words: list[str]) -> None:
    text = track_file(words)
    if text:
        loaded = parse({TRACK_FILE: text})
        assert isinstance(loaded, Rulebook), (text, [str(one) for one in loaded])


def test_rules_are_values(tmp_path: Path) -> None:
    one, two = book(r_yaml=RULE), book(r_yaml=RULE)
    assert one.rules == two.rules
    assert isinstance(one.rule("outage"), Rule)
    assert one.rule("none") is None
    assert one.topic("none") is None


# Lists and queries that others use -----------------------------------------------------------------------------------

NAMED = """\
lists:
  - key: giveaway
    title: Prizes
    words: [win a prize, "#win", deliver*]
  - {key: vip, words: [mira.example, "bob*"]}
queries:
  - key: outage
    query: down NEAR/5 (app OR list:giveaway)
"""


def test_every_query_can_use_lists_and_queries_of_any_file() -> None:
    rules = RULE.replace("down OR outage", "query:outage -author:list:vip")
    topics = "topics: [{key: acme, kind: brand, query: acme list:giveaway}]\n"
    loaded = book(a_yaml=rules, b_yaml=topics, z_yaml=NAMED)
    assert loaded.names.lists == {
        "giveaway": ("win a prize", "#win", "deliver*"),
        "vip": ("mira.example", "bob*"),
    }
    assert loaded.names.queries == {"outage": "down NEAR/5 (app OR list:giveaway)"}
    when, topic = loaded.rules[0].when, loaded.topics[0].query
    assert when.test(Subject(text="the app is down", author_handle="zoe.example"), NOW)
    assert when.test(Subject(text="Delivery: down"), NOW)
    assert not when.test(Subject(text="the app is down", author_handle="bobby"), NOW)
    assert not when.test(Subject(text="the app is up"), NOW)
    assert topic.test(Subject(text="Acme: win a prize"), NOW)
    assert not topic.test(Subject(text="Acme prize"), NOW)


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("key: vip", "key: giveaway", [(5, 11, "repeated-id")]),
        ("key: vip", "key: V I P", [(5, 11, "bad-key")]),
        ("key: vip, ", "", [(5, 5, "missing-key")]),
        ("words: [mira", "wrds: [mira", [(5, 16, "unknown-key")]),
        ('words: [mira.example, "bob*"]', "words: []", [(5, 23, "empty-value")]),
        ('"bob*"', '"b*"', [(5, 39, "stem-too-short")]),
        ('"bob*"', '"  one {two"', [(5, 45, "bad-exact")]),
        ('"bob*"', "[bob]", [(5, 38, "wrong-type")]),
        ("down NEAR/5", "sorce:x", [(8, 12, "unknown-field")]),
        ("down NEAR/5 (app OR list:giveaway)", "down OR\n      list:givaway", [(9, 7, "unknown-list")]),
        ("app OR list:giveaway", "query:outage", [(8, 25, "circular-name")]),
        ("app OR list:giveaway", "query:outag", [(8, 25, "unknown-query")]),
        ("down NEAR/5 (app OR list:giveaway)", "topic:nowhere", [(8, 18, "unknown-topic")]),
        ("down NEAR/5 (app OR list:giveaway)", "down #win", [(8, 16, "hashtag-is-comment")]),
        ("down NEAR/5 (app OR list:giveaway)", "[down]", [(8, 12, "wrong-type")]),
    ],
)
def test_a_mistake_in_a_definition_is_told_there_and_once(
    old: str, new: str, places: list[tuple[int, int, str]]
) -> None:
    assert NAMED.count(old) == 1
    uses = RULE.replace("down OR outage", "query:outage OR list:giveaway")
    told = problems(NAMED.replace(old, new), "n.yaml", r_yaml=uses)
    assert [(one.file, one.line, one.column, one.code) for one in told if one.file == "n.yaml"] == [
        ("n.yaml", *place) for place in places
    ]
    # A query that is no text at all is no query; a broken one is told where it is.
    gone = {"wrong-type", "hashtag-is-comment"} if "NEAR" in old else set()
    assert {one.code for one in told if one.file != "n.yaml"} == ({"unknown-query"} if gone & {places[0][2]} else set())


def test_a_circle_over_two_definitions_is_told_at_both() -> None:
    text = "queries:\n- {key: a, query: x query:b}\n- {key: b, query: y query:a}\n- {key: c, query: z query:d}\n- {key: d, query: d}\n"
    told = problems(text, "n.yaml", r_yaml=RULE.replace("down OR outage", "query:a"))
    assert [(one.file, one.line, one.column, one.code) for one in told] == [
        ("n.yaml", 2, 21, "circular-name"),
        ("n.yaml", 3, 21, "circular-name"),
    ]


def test_names_that_are_nowhere_defined_are_told_where_they_are_used() -> None:
    told = problems(RULE.replace("down OR outage", "down list:giveway"), n_yaml=NAMED)
    assert [(one.file, one.line, one.column, one.code, one.hint) for one in told] == [
        ("r.yaml", 6, 16, "unknown-list", "did you mean giveaway?")
    ]
    # A file that cannot be read may define them.
    told = problems(RULE.replace("down OR outage", "down list:giveway OR query:x"), n_yaml="lists: [")
    assert {one.code for one in told} == {"yaml"}


def test_a_definition_that_a_use_cannot_ask_is_told_where_it_is_used() -> None:
    named = "queries: [{key: mine, query: 'assignee:me'}]\n"
    assert book(n_yaml=named).names.queries == {"mine": "assignee:me"}
    told = problems(RULE.replace("down OR outage", "down query:mine"), n_yaml=named)
    assert [(one.file, one.line, one.column, one.code) for one in told] == [("r.yaml", 6, 16, "broken-name")]


def test_names_are_read_alone_as_they_are_read_with_everything() -> None:
    files = {path.name: path.read_text("utf-8") for path in SHIPPED.glob("*.yaml")}
    assert names_in(files) == parse_shipped().names
    spelled = NAMED.replace("lists:", '"li\\x73ts":').replace("queries:", '"\\u0071ueries":')
    everything = {"a.yaml": RULE, "b.yaml": spelled, "c.yaml": "lists: [{key: odd, words: ['  a b ', 'lists']}]"}
    loaded = parse(everything)
    assert isinstance(loaded, Rulebook)
    assert set(loaded.names.lists) == {"giveaway", "vip", "odd"}
    assert names_in(everything) == loaded.names


@settings(max_examples=100)
@given(st.text(max_size=40), st.integers(0, len(NAMED)), st.integers(0, 20))
def test_names_of_a_file_that_is_accepted_are_its_names_and_any_other_never_crashes(
    noise: str, at: int, cut: int
) -> None:
    files = {"a.yaml": RULE, "n.yaml": NAMED[:at] + noise + NAMED[at + cut :]}
    loaded, names = parse(files), names_in(files)
    assert not isinstance(loaded, Rulebook) or names == loaded.names


def test_a_file_that_cannot_be_read_defines_nothing_and_the_others_do() -> None:
    found = names_in({"a.yaml": "lists: [", "b.yaml": NAMED, "c.yaml": "- lists", "d.yaml": "[" * 5_000 + "lists"})
    assert set(found.lists) == {"giveaway", "vip"}


def test_the_shipped_lists_are_used_by_the_shipped_rules() -> None:
    loaded = parse_shipped()
    asked = (*(rule.when for rule in loaded.rules), *(signal.when for signal in loaded.need))
    used = " ".join(query.text for query in asked if query is not None)
    assert {"giveaway", "quick-money"} <= set(loaded.names.lists)
    assert all(f"list:{name}" in used for name in loaded.names.lists)
