"""Prometheus metrics of this process."""

from prometheus_client import Counter, Gauge, Histogram

UTTERANCES = Counter("esim_utterances_total", "Utterances stored", ["source"])  # model or cache
MODEL_REQUESTS = Counter("esim_model_requests_total", "Requests to the model server, retries included")
MODEL_FAILURES = Counter("esim_model_failures_total", "Model calls that were given up")
MODEL_SECONDS = Histogram(
    "esim_model_call_seconds", "Duration of answered model calls", buckets=(0.1, 0.3, 1, 3, 10, 30, 100)
)
TOKENS = Counter("esim_tokens_total", "Tokens of model calls", ["kind"])  # prompt or completion
IN_FLIGHT = Gauge("esim_model_calls_in_flight", "Model calls that wait for their answer")
SIMULATIONS = Counter("esim_simulations_total", "Simulations ended", ["status"])
