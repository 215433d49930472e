"""What becomes of an alarm: incidents, who is told when, what keeps silent, and what the message says. Pure, like all that thinks.

`shape` holds the words; the other rooms decide over them. Nothing here sends, sleeps or remembers: the store keeps, the service calls.
"""
