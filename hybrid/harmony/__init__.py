"""Harmony: a score as a graph of notes, and a network that reads keys and Roman numerals from it.

``labels`` what a numeral is, ``graph`` and ``features`` what the network sees, ``model`` the
network, ``decode`` one reading from its scores, ``evaluation`` the yardstick, ``train`` how it
learns. Importing this room loads no heavy library.
"""
