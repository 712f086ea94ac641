"""Files made to hurt, each as the code that writes it, with the answer that it must get."""

from __future__ import annotations

from tests.processor.hostile.references import REFERENCES
from tests.processor.hostile.sizes import SIZES
from tests.processor.hostile.structures import STRUCTURES
from tests.processor.hostile.times import SOUNDS, TIMES, WEBM_SOUND

HOSTILE = (*REFERENCES, *SIZES, *TIMES, *SOUNDS, WEBM_SOUND, *STRUCTURES)
