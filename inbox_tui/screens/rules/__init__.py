"""The rules: what is in force, what is refused, and what each rule is worth."""

from inbox_tui.screens.rules.screen import RulesScreen

__all__ = ["RulesScreen"]
