"""What a postmortem begins with: a template names its sections, each with the question that it answers."""

from __future__ import annotations

from collections.abc import Mapping

DEFAULT_TEMPLATE = "default"
TEMPLATES: Mapping[str, Mapping[str, str]] = {
    DEFAULT_TEMPLATE: {
        "summary": "What happened, in three sentences?",
        "impact": "Who could not do what, and for how long?",
        "causes": "Which causes came together?",
        "detection": "How was it noticed, and could it have been sooner?",
        "response": "What was done, and what helped?",
        "lessons": "What went well, what did not, where were we lucky?",
    },
    "short": {
        "summary": "What happened, and to whom?",
        "causes": "Why?",
        "lessons": "What do we do differently?",
    },
}
"""Name -> section -> question. A started postmortem keeps its sections, whatever becomes of the template."""
