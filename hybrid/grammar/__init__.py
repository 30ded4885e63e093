"""Grammars that decide forms: text notation, sampling, parsing, learning, drawing.

A short map; every module's docstring has the rest, ``docs/grammar-notation.md`` the notation.

=================  ================================================================================
``rule``, ``cfg``  ``Symbol(name, terminal)``, ``Part`` (a symbol on a right side, with ``length``,
                   ``share``, ``degree``, ``label``), ``Rule``, ``Grammar``
``notation``       ``read_grammar(text)``, ``load_grammar(path)``, ``format_grammar(grammar)``
``sample``         ``sample(grammar, rng, length=, max_depth=, lengths=, start=) -> Tree``;
                   ``Sampler(...)`` to draw often. Exact conditioning, no retries
``lengths``        ``length_distribution(grammar, longest)``
``parse``          ``Parser(grammar)``: ``.parse(tokens)`` (Viterbi), ``.log_likelihood``,
                   ``.log_likelihoods``, ``.accepts``, ``.count``, ``.chart`` (inside, outside,
                   posterior counts), ``.sample(tokens, rng)`` (``None`` = fill in)
``learn``          ``estimate(trees, smoothing=)``, ``fit(grammar, strings)`` (EM)
``latent``         ``latent_grammar(k, terminals, rng)``, ``learn_latent(strings, k, rng)``
``induce``         ``induce(strings)``: few, readable rules; ``compress(strings)``: what repeats
``entropy``        ``measures(grammar)``, ``rule_entropies``, ``evaluate(grammar, strings)``
``temporal``       ``derive(grammar, rng, duration=, key=, minimum=, generations=) -> Tree`` for
                   grammars with shares, keys and ``let``; ``unfold(grammar, ...)`` for exact
                   numbers of leaves and for parsing
``keys``           ``degree_key(key, degree)``
``trees``          ``Tree``, ``read_tree``, ``format_tree``, ``to_graph``
``draw``           ``draw_tree(tree) -> str`` (SVG)
=================  ================================================================================

Examples
--------
>>> import numpy as np
>>> from hybrid.grammar.notation import read_grammar
>>> from hybrid.grammar.sample import sample
>>> form = read_grammar('''
... Song -> (0.6) Verse Chorus Song | (0.4) Verse Chorus
... Verse -> (0.7) 'A'[8] | (0.3) 'A'[16]
... Chorus -> 'B'[8]
... ''')
>>> tree = sample(form, np.random.default_rng(3), length=64)
>>> sum(leaf.duration for leaf in tree.leaves())
Fraction(64, 1)
"""
