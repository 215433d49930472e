"""The pretend network against a plain client: what it promises on the wire, and how it misbehaves on request."""
