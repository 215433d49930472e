"""`python -m tests.house.keys_page`: writes the tables of keys in docs/inbox-keys.md anew, from the key map."""

from __future__ import annotations

from pathlib import Path

from inbox_tui import keys

PAGE = Path(__file__).parents[2] / "docs" / "inbox-keys.md"
MARK = "<!-- keys:"


def rows(group: str) -> list[str]:
    """The keys of one group, a line each."""
    return [
        f"| {' '.join(f'`{keys.shown(one)}`' for one in key.keys)} | {key.words} | {key.where} |"
        for key in keys.KEYS
        if key.group == group
    ]


def write() -> None:
    """The page with its tables as the key map has them."""
    before, mark, after = PAGE.read_text(encoding="utf-8").partition(MARK)
    tables = [
        f"### {group}\n\n| keys | what it does | where |\n|---|---|---|\n" + "\n".join(rows(group))
        for group in keys.GROUPS
    ]
    PAGE.write_text(before + mark + after.partition("\n")[0] + "\n\n" + "\n\n".join(tables) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
