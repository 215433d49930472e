"""The listener: hears what people say about a brand, judges it, and delivers answers and alerts. It never draws."""
