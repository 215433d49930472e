"""The screens, one room each, strangers to one another; what they share is in `base`."""
