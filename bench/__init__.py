"""Figures: what each stage costs, each beside a peer or a limit in the same run. One JSON line a figure, on stdout.

{"bench": what was measured, "ours": figure, "peer": figure, "peer_is": what the peer is, "ratio": ours / peer, "unit": ...}
"""
