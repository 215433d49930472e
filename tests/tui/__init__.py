"""The inbox on a screen that nobody sees: pilot stories on messages and visible text."""
