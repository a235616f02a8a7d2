"""Changes over two entities, carried out: a command decides on one entity, and what follows for another one is a process.

Read in this order: ``steps`` (what a process is), ``links``, ``merges``, ``splits``, ``follow_ups`` (one process each), ``table`` (which event starts
which), ``attempt`` (one try at one event), ``places`` (how far each partition is), ``consumer`` (all of it, for ever).
"""
