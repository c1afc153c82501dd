"""Settings of the service, read from environment variables that begin with SERVICE_."""

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Count = Annotated[int, Field(ge=1)]


def is_loopback(host: str) -> bool:
    """Whether a host, by name or address, is this machine as only it can reach itself.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """What an installation of the service can choose.

    Every field is an environment variable: `host` is SERVICE_HOST. Sizes are in bytes, texts in characters, times in
    seconds.

    >>> Settings(port=9000).port
    9000
    """

    model_config = SettingsConfigDict(env_prefix="SERVICE_", extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    api_key: SecretStr | None = None
    database_url: str = "sqlite:///esim-service.db"
    database_connections: Count = 10

    llm_base_url: str | None = None
    llm_api_key: SecretStr | None = None
    llm_model: str | None = None
    llm_local: bool = True
    llm_timeout: Annotated[float, Field(gt=0)] = 120.0
    llm_max_retries: Annotated[int, Field(ge=0, le=20)] = 5
    llm_max_in_flight: Count = 8
    llm_requests_per_minute: Count | None = None
    llm_tokens_per_minute: Count | None = None

    max_body_bytes: Count = 16 * 1024 * 1024
    max_text_length: Count = 100_000
    max_entities_per_batch: Count = 1_000
    max_simulations_per_batch: Count = 10_000
    max_utterances_per_simulation: Count = 1_000
    max_page_size: Count = 500

    log_level: Literal["info", "warning", "error"] = "info"
    shutdown_grace: Annotated[float, Field(ge=0)] = 5.0

    @model_validator(mode="after")
    def _demand_api_key(self) -> Self:
        if not is_loopback(self.host) and not (self.api_key and self.api_key.get_secret_value()):
            raise ValueError(
                f"SERVICE_HOST = {self.host!r} can be reached from other machines: set SERVICE_API_KEY, or bind to "
                "127.0.0.1."
            )
        return self

    @model_validator(mode="after")
    def _read_database_url(self) -> Self:
        if not self.database_url.startswith(("sqlite:///", "postgresql://")):
            kind = self.database_url.split(":", 1)[0]
            raise ValueError(
                f"SERVICE_DATABASE_URL begins with {kind!r}; allowed are sqlite:///file and postgresql://..."
            )
        if self.database_url in ("sqlite:///", "sqlite:///:memory:"):
            raise ValueError(f"SERVICE_DATABASE_URL = {self.database_url!r} names no file: nothing would be kept.")
        return self
