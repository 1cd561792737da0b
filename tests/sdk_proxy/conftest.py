"""LiteLLM reads this when it is imported: without it, it would fetch its list of prices from the network."""

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
