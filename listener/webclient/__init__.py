"""The one door for HTTP out: which addresses may be called, how patiently, and the calls themselves. Refuses to know a network."""
