"""The one query language: grammar, words, problems, and its evaluators that agree. Owns what a query means; refuses to fetch anything."""
