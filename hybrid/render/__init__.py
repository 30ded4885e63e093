"""Score to sound, offline: the mix and the stems, through FluidSynth and any SoundFont."""

from hybrid.render.events import Programs
from hybrid.render.rendering import (
    Rendering,
    render,
    render_to_file,
    stem_names,
)
from hybrid.render.settings import RenderOptions, RenderReport
from hybrid.render.soundfonts import (
    SoundFont,
    default_soundfont,
    find_soundfonts,
    read_soundfont,
    resolve_soundfont,
)

__all__ = [
    "Programs",
    "RenderOptions",
    "RenderReport",
    "Rendering",
    "SoundFont",
    "default_soundfont",
    "find_soundfonts",
    "read_soundfont",
    "render",
    "render_to_file",
    "resolve_soundfont",
    "stem_names",
]
