"""Scores, sound and plans in files.

A short map; every module's docstring has the rest, ``docs/formats.md`` what each format
keeps.

=================  ================================================================================
``files``          ``read_score(path, format=None) -> Reading(score, losses)``,
                   ``write_score(score, path, format=None) -> losses``: MIDI, MusicXML, ABC and
                   kern, by suffix and checked against the content
``midi``           ``read_midi(path, zero_length="error")``, ``write_midi``, and on bytes
                   ``midi_to_score``, ``score_to_midi``
``musicxml``       ``read_musicxml``, ``write_musicxml(score, path, analysis=None)``,
                   ``musicxml_to_score``, ``score_to_musicxml``; .mxl as well. Notes have the ids
                   ``t<track>n<note>``
``abc``            ``read_abc(path, tune=None)``, ``write_abc``, ``abc_to_score``, ``score_to_abc``
``kern``           ``read_kern``, ``write_kern``, ``kern_to_score``, ``score_to_kern``
``seconds``        ``to_pretty_midi(score)``, ``from_pretty_midi(pm)``,
                   ``piano_roll(score, fps=100)``
``ticks``          ``to_miditoolkit(score)``, ``from_miditoolkit(midi)``
``tablature``      ``tablature(score, track=None, tuning="standard", capo=0, width=96) -> str``
``wav``            ``write_audio(audio, path, sample_format=None)``, ``read_audio(path)``: WAV, FLAC
``plan_toml``      ``read_plan(path)``, ``write_plan(plan, path)``, ``parse_plan(text)``,
                   ``format_plan(plan)``, ``plan_from_dict``, ``plan_to_dict``
``atomic``         ``write_bytes``, ``write_text``, ``atomic_file(path)``,
                   ``atomic_folder(path, force=False)``: whole or not at all
``quantise``       ``quantise(score) -> (score, loss)``: played time to written time
``corpora``        corpora, their manifests and their files
=================  ================================================================================

Readers and writers tell what they could not keep: one line for each kind of thing, in
``Reading.losses`` or as the value of the writer. What is no file of its format raises
`hybrid.core.errors.FormatError`, in one line that names file, place and rule.

Examples
--------
>>> import tempfile
>>> from hybrid.core.score import Score, Track, make_notes
>>> from hybrid.io.files import read_score, write_score
>>> score = Score((Track("flute", make_notes([(0, 480, 72)]), program=73),))
>>> with tempfile.TemporaryDirectory() as folder:
...     losses = write_score(score, f"{folder}/a.musicxml")
...     reading = read_score(f"{folder}/a.musicxml")
>>> losses
('1 note without a spelling: spelled by the key signature',)
>>> reading.score.tracks[0].name, reading.losses
('flute', ())
"""
