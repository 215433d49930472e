"""Sources: where mentions come from and where replies may go. One file a network behind one promise (`base`)."""
