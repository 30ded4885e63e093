"""The living history: every technique an exhibit that can be run, seen, heard and explained.

One technique a file. A module of this room that assigns ``EXHIBIT`` is an exhibit; the others are
what exhibits share:

==============  ==================================================================================
``exhibit``     ``Exhibit``, ``Demonstration``, ``Citation``, ``Fidelity``
``parameters``  ``Parameter``, ``Values``: what a visitor may set, and the ranges
``panels``      ``Machine``, ``Step`` and the kinds of panel: the machine at work
``recording``   ``Recording``: sound that an exhibit brings itself
``ledger``      ``Ledger``: notes and, beside each, the decision that made it
``registry``    ``exhibit_names``, ``exhibit_labels``, ``load_exhibit``, ``run_exhibit``
==============  ==================================================================================

``docs/history/README.md`` says how to add one.
"""
