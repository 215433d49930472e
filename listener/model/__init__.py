"""The words of the house as frozen values. Owns their shapes; refuses behaviour, clocks, wires and disks.

Times are timezone-aware UTC datetimes. External ids are the network's own, opaque, compared as bytes.
Everything that came from a network is hostile until `listener.harmless` has seen it.
"""
