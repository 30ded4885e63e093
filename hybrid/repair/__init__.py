"""Repair: a score is analysed, what fails is named, and only that is written anew.

``reading`` joins rules, plan and analyser in one Analysis; ``judge`` weighs candidates;
``nudges`` are the smallest changes; ``search`` finds them and those that an engine writes; ``loop``
goes round until nothing fails or the budget is spent; ``files`` does so for scores from outside.
Importing this room loads no heavy library.
"""
