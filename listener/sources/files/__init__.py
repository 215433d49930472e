"""Files as a source: JSONL and CSV imports. Owns how rows become mentions; refuses to be answered."""

from listener.sources.files.columns import GUESSES, Columns
from listener.sources.files.stream import Files, ImportPlan, ImportStream, build

__all__ = ["GUESSES", "Columns", "Files", "ImportPlan", "ImportStream", "build"]
