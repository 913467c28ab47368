"""A study with a chat judge of two fields, and the message about one that is refused."""

import pytest
from costs_fixtures import default_config

from safelrm.core.errors import SafeLRMError
from safelrm.dag.study import load_study

YES_NO = {"direction": "lower", "pattern": "yes|no"}
HARM = {"verdicts": ["harmless", "harmful"], "counts": "harmful", "values": {"yes": "harmful"}, **YES_NO}
SAFE = {
    "verdicts": ["safe", "unsafe"],
    "counts": "safe",
    "direction": "higher",
    "score": "unsafe",
    "json_key": "degree",
    "scale": [0, 10],
    "threshold": 5,
}
SETTINGS = {"question": "{prompt} {text}", "parts": ["t", "y", "t+y"], "fields": {"harm": HARM, "safe": SAFE}}
ENDPOINT = {"url": "https://api.example.org/v1", "model": "m"}
CHAT = "safelrm.judging.chat"


def rubric_config() -> dict:
    """The default configuration with a chat judge `rubric`."""
    config = default_config()
    config["judges"]["rubric"] = {"module": CHAT, "model": "nano_i", "may_judge_itself": True, "settings": SETTINGS}
    return config


def study(config: dict):
    return load_study(config, "config.yaml")


def message(config: dict) -> str:
    with pytest.raises(SafeLRMError) as caught:
        study(config)
    return str(caught.value)
