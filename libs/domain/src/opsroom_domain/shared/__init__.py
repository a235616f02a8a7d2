"""What every entity kind has: texts that are edited field by field, somebody responsible, labels, watchers, links, comments, visibility.

A kind's state inherits ``SharedState``, its maps of events and commands take ``EVENTS`` and ``COMMANDS`` in (or those of them that it wants), and its
``decide``, ``evolve``, ``describe`` and ``show`` hand these to the functions here. The classes are the same for all kinds; the records are not:
each kind has a schema of its own for each event, so that a record says what it is about.
"""
