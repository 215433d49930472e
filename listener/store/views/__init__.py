"""What screens and commands read: one frozen shape per window of data, by what they are about. Owns no statement; refuses to format anything.

Texts in here are as the network sent them: hostile until `listener.harmless` has seen them. None means: blanked.
"""
