"""Write data/price-book.json from the PyPI package genai-prices. Run by hand; the result is reviewed as a diff.

    python3 -m venv venv && venv/bin/pip install genai-prices==0.2.3
    venv/bin/python packages/price-book/scripts/export_price_book.py --date 2026-11-24 > packages/price-book/data/price-book.json

Why this package: its data are exact Decimals with effective dates, bands of input size, service tiers and name
rules, under the MIT licence (read on 2026-11-24). Nothing of it runs when Meterstone runs. The output depends on
the package version and the arguments alone.

A price that cannot be told apart in our buckets is left out, so that such usage is unpriced and not wrong.
"""

import argparse
import importlib.metadata
import json
import re
import sys
from decimal import Decimal

from genai_prices.data import providers
from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    ConditionalPrice,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

# Our name, the catalogue's, other spellings (OpenTelemetry's among them), whose list stands in for missing models.
# Left out: catalogues that convert a currency or a credit into dollars (zhipuai, databricks, github-copilot),
# resellers without an API of their own here (cursor, quicksilverpro, huggingface_*) and single-purpose ones.
PROVIDERS = [
    ("anthropic", "anthropic", [], []),
    ("azure", "azure", ["azure.ai.openai", "azure.ai.inference", "az.ai.openai", "azure-openai"],
     ["openai", "anthropic", "deepseek", "xai", "moonshot"]),
    ("baseten", "baseten", [], []),
    ("bedrock", "aws", ["aws", "aws.bedrock", "amazon-bedrock"], []),
    ("cerebras", "cerebras", [], []),
    ("cloudflare", "cloudflare", [], []),
    ("cohere", "cohere", [], []),
    ("deepseek", "deepseek", [], []),
    ("fireworks", "fireworks", ["fireworks-ai"], []),
    ("google", "google", ["gemini", "vertex", "gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"], []),
    ("groq", "groq", [], []),
    ("meta", "meta", [], []),
    ("minimax", "minimax", [], []),
    ("mistral", "mistral", ["mistral_ai", "mistralai"], []),
    ("moonshot", "moonshotai", ["moonshotai"], []),
    ("novita", "novita", [], []),
    ("openai", "openai", [], []),
    ("openrouter", "openrouter", [], []),
    ("perplexity", "perplexity", [], []),
    ("together", "together", ["together-ai", "together_ai", "togetherai"], []),
    ("voyage", "voyageai", ["voyageai"], []),
    ("xai", "x-ai", ["x-ai", "x_ai"], []),
    ("zai", "zai", ["z-ai"], []),
]

LEFT_OUT_MODELS = {
    # Groq bills at least 10 seconds of audio per request; a plain rate would be too low.
    ("groq", "whisper-large-v3"),
    ("groq", "whisper-large-v3-turbo"),
    # Its cached input costs more than new input: one of the two is wrong (0.2.3).
    ("openrouter", "~deepseek/deepseek-pro-latest"),
}

TOKEN_KEYS = {
    "input_mtok": "input_tokens",
    "input_audio_mtok": "input_audio_tokens",
    "input_image_mtok": "input_image_tokens",
    "input_video_mtok": "input_video_tokens",
    "cache_read_mtok": "cache_read_tokens",
    "cache_audio_read_mtok": "cache_read_audio_tokens",
    "cache_write_mtok": "cache_write_tokens",
    "cache_write_1h_mtok": "cache_write_1h_tokens",
    "output_mtok": "output_tokens",
    "output_reasoning_mtok": "reasoning_tokens",
    "output_audio_mtok": "output_audio_tokens",
    "output_image_mtok": "output_image_tokens",
}
# `requests` is the fee of each answered request; the others are per-call quantities of the usage event.
QUANTITY_KEYS = {
    "web_searches_kcount": ("web_search_requests", 1000),
    "storage_searches_kcount": ("file_search_requests", 1000),
    "audio_hours": ("audio_ms", 3_600_000),
    "input_audio_hours": ("audio_ms", 3_600_000),
    "input_mchars": ("characters", 1_000_000),
    "input_document_kpages": ("pages", 1000),
    "input_annotated_document_kpages": ("annotated_pages", 1000),
    "input_text_messages_kcount": ("text_messages", 1000),
    "requests_kcount": ("requests", 1000),
}
# No bucket of ours holds these apart; the bucket that would swallow them loses its rate.
INSEPARABLE_KEYS = {
    "output_video_mtok": "output_tokens",
    "output_citation_mtok": "output_tokens",
    "cache_image_read_mtok": "cache_read_tokens",
}

# The catalogue leaves out the zeros of models that are free by their name. Others without a price have none here.
FREE_ROW = {
    "tier": "standard",
    "tokens": {"cache_read_tokens": "0", "cache_write_tokens": "0", "input_tokens": "0", "output_tokens": "0"},
    "quantities": {},
}

CREATORS = {
    "x-ai": "xai", "meta-llama": "meta", "mistralai": "mistral", "deepseek-ai": "deepseek", "moonshotai": "moonshot",
    "qwen": "alibaba", "z-ai": "zai", "zai-org": "zai", "minimaxai": "minimax", "aws": "amazon", "voyageai": "voyage",
    "openai-community": "openai", "ai21labs": "ai21", "meta-models": "meta", "thudm": "zai", "zhipuai": "zai",
}
# The first pattern found in a bare name tells who made the model.
FAMILIES = [
    (r"sonar", "perplexity"), (r"^(?:o\d|text-|ada$|babbage|curie|davinci|whisper|tts-)", "openai"), ("claude", "anthropic"), ("gemini", "google"), ("gemma", "google"), ("deepseek", "deepseek"), ("llama", "meta"),
    ("codestral", "mistral"), ("mistral", "mistral"), ("mixtral", "mistral"), ("devstral", "mistral"),
    ("magistral", "mistral"), ("qwen", "alibaba"), ("qwq", "alibaba"), ("kimi", "moonshot"), ("grok", "xai"),
    ("glm", "zai"), ("gpt", "openai"), ("command", "cohere"), ("phi-", "microsoft"), ("nova-", "amazon"),
    ("titan", "amazon"), ("minimax", "minimax"), ("nemotron", "nvidia"),
]
VARIANT = re.compile(r":(?:free|batch|extended|thinking|beta|online|nitro)$")
BEDROCK_REGION = re.compile(r"^(?:regional|global|us-gov|us|eu|apac|au|jp)\.")
CLAUDE_VERSION = re.compile(r"(?<=-)(\d)-(\d)(?=$|-)")


def main():
    arguments = argparse.ArgumentParser(description="Export genai-prices to our price book.")
    arguments.add_argument("--date", required=True, help="the day of the export, YYYY-MM-DD")
    date = arguments.parse_args().date
    by_id = {provider.id: provider for provider in providers}
    exported = [export_provider(by_id[theirs], name, aliases, stand_ins) for name, theirs, aliases, stand_ins in PROVIDERS]
    head = {
        "format": 1,
        "source": "PyPI package genai-prices",
        "source_version": importlib.metadata.version("genai-prices"),
        "source_licence": "MIT",
        "exported": date,
        "currency": "USD",
    }
    write(head, exported)


def write(head, exported):
    """One model a line: a changed price is one changed line of the diff."""
    out = sys.stdout
    out.write("{\n")
    for key, value in head.items():
        out.write(f" {json.dumps(key)}: {json.dumps(value)},\n")
    out.write(' "providers": [\n')
    for index, provider in enumerate(exported):
        models = provider.pop("models")
        opening = json.dumps(provider, ensure_ascii=False)[:-1]
        out.write(f'  {opening}, "models": [\n')
        out.write(",\n".join(f"   {json.dumps(model, ensure_ascii=False)}" for model in models))
        out.write("\n  ]}" + (",\n" if index < len(exported) - 1 else "\n"))
    out.write(" ]\n}\n")


def export_provider(provider, name, aliases, stand_ins):
    models = [export_model(provider, name, model) for model in provider.models if (name, model.id) not in LEFT_OUT_MODELS]
    return {"provider": name, "aliases": aliases, "fallbacks": stand_ins, "models": [model for model in models if model]}


def export_model(provider, name, model):
    conditional = model.prices if isinstance(model.prices, list) else [ConditionalPrice(prices=model.prices)]
    rows = [row for tier in tiers_of(model) for row in rows_of(name, tier, conditional, model)]
    if not rows and model.id.endswith(":free"):
        rows = [FREE_ROW]
    if not rows:
        return None
    names, rules = matchers(provider, model)
    return {"id": model.id, "model": canonical(name, model.id), "names": names, "rules": rules, "rows": rows}


def tiers_of(model):
    """`standard`, and each tier that has rates of its own. `default` in the catalogue says no more than standard."""
    tiers = ["standard"]
    for variant in model.price_variants or []:
        tier = tier_of(variant)
        if tier is not None and tier not in tiers and keys_of(variant.prices):
            tiers.append(tier)
    return tiers


def tier_of(variant):
    """Anthropic's `speed: fast` and OpenAI's tier `fast` are one word here. Other conditions are not in our events."""
    if set(variant.when) == {"service_tier"}:
        return variant.when["service_tier"]
    if variant.when in ({"processing": "batch"}, {"speed": "fast"}):
        return next(iter(variant.when.values()))
    return None


def rows_of(provider, tier, conditional, model):
    """Dated rows tile time without overlap; a daily window lies inside the last of them, for the catalogue cannot date it."""
    variants = [variant for variant in model.price_variants or [] if tier_of(variant) == tier and keys_of(variant.prices)]
    dated = [(start_of(price.constraint), price.prices) for price in conditional if not is_window(price.constraint)]
    windows = [(price.constraint, price.prices) for price in conditional if is_window(price.constraint)]
    starts = sorted({start for start, _ in dated} | {start_of(variant.constraint) for variant in variants})
    rows = []
    for index, start in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else None
        overlays = [variant.prices for variant in variants if start_of(variant.constraint) <= start]
        if tier != "standard" and not overlays:
            continue
        base = [prices for begin, prices in dated if begin <= start]
        if base:
            rows.append(row_of(provider, tier, start, end, None, merge(base[-1], overlays)))
        if end is None:
            rows += [row_of(provider, tier, start, None, window, merge(prices, overlays)) for window, prices in windows]
    return [row for row in rows if row is not None]


def row_of(provider, tier, start, end, window, prices):
    thresholds = sorted({tier_.start for price in prices.values() if isinstance(price, TieredPrices) for tier_ in price.tiers})
    rates = rates_at(provider, prices, -1)
    if not rates["tokens"] and not rates["quantities"]:
        return None
    row = {"tier": tier}
    if start:
        row["from"] = start
    if end:
        row["to"] = end
    if window is not None:
        row["window"] = {"from": window.start_time.strftime("%H:%M"), "to": window.end_time.strftime("%H:%M")}
    row |= rates
    if thresholds:
        row["bands"] = [{"over_input_tokens": threshold, **rates_at(provider, prices, threshold)} for threshold in thresholds]
    return row


def rates_at(provider, prices, threshold):
    """The rates once `threshold` input tokens are exceeded."""
    tokens, quantities = {}, {}
    for key, price in prices.items():
        value = value_at(price, threshold)
        if key in TOKEN_KEYS:
            tokens[TOKEN_KEYS[key]] = decimal_text(value, key)
        elif key in QUANTITY_KEYS:
            unit, per = QUANTITY_KEYS[key]
            quantities[unit] = {"price": decimal_text(value, key), "per": per}
        elif key not in INSEPARABLE_KEYS:
            raise SystemExit(f"unknown price key {key}")
    for key, bucket in INSEPARABLE_KEYS.items():
        if key in prices:
            tokens.pop(bucket, None)
    if provider == "perplexity" and "web_search_requests" in quantities:
        # Perplexity counts its searches as `num_search_queries`.
        quantities["search_queries"] = quantities.pop("web_search_requests")
    return {"tokens": dict(sorted(tokens.items())), "quantities": dict(sorted(quantities.items()))}


def value_at(price, threshold):
    if not isinstance(price, TieredPrices):
        return price
    value = price.base
    for tier in price.tiers:
        if threshold >= tier.start:
            value = tier.price
    return value


def decimal_text(value, key):
    """The catalogue's decimal. Some came through floats: noise is cut off, a repeating price (1/12) kept to 9 places."""
    rounded = value.quantize(Decimal("1e-9"))
    if abs(value - rounded) > Decimal("1e-9"):
        raise SystemExit(f"{key}: {value} has more than 9 decimals")
    short = value.quantize(Decimal("1e-6"))
    exact = short if abs(value - short) < Decimal("1e-12") else rounded
    if exact is rounded and abs(rounded * 24 - (rounded * 24).to_integral_value()) > Decimal("1e-6"):
        raise SystemExit(f"{key}: {value} is neither short nor a known repeating price")
    text = format(exact.normalize(), "f")
    return text


def merge(standard, overlays):
    prices = keys_of(standard)
    # The catalogue resolves the first variant that names a key.
    for overlay in reversed(overlays):
        prices |= keys_of(overlay)
    return prices


def keys_of(prices):
    return {key: value for key, value in vars(prices).items() if value is not None}


def is_window(constraint):
    return isinstance(constraint, TimeOfDateConstraint)


def start_of(constraint):
    return constraint.start_date.isoformat() if isinstance(constraint, StartDateConstraint) else ""


def matchers(provider, model):
    """Names that the catalogue resolves to this very model, and what else its rule accepts."""
    clauses = model.match.or_ if isinstance(model.match, ClauseOr) else [model.match]
    listed = [clause.equals for clause in clauses if isinstance(clause, ClauseEquals)]
    prefixes = [clause.starts_with for clause in clauses if isinstance(clause, ClauseStartsWith)]
    candidates = {name.lower() for name in [model.id, *listed, *prefixes] if not name.endswith(("-", "@"))}
    names = sorted(name for name in candidates if provider.find_model(name) is model)
    rules = [clause_of(clause) for clause in clauses if not isinstance(clause, ClauseEquals)]
    return names, rules


def clause_of(clause):
    match clause:
        case ClauseEquals(equals=text):
            return {"equals": text.lower()}
        case ClauseStartsWith(starts_with=text):
            return {"starts_with": text.lower()}
        case ClauseEndsWith(ends_with=text):
            return {"ends_with": text.lower()}
        case ClauseContains(contains=text):
            return {"contains": text.lower()}
        case ClauseRegex(regex=text):
            return {"regex": text}
        case ClauseOr(or_=parts):
            return {"any": [clause_of(part) for part in parts]}
        case ClauseAnd(and_=parts):
            return {"all": [clause_of(part) for part in parts]}


def canonical(provider, model_id):
    """`creator/name`: one name for one model at every provider, as far as names tell."""
    name = VARIANT.sub("", model_id.lower().lstrip("~"))
    creator = None
    if "/" in name:
        *path, name = name.split("/")
        creator = CREATORS.get(path[-1], path[-1])
    if provider == "bedrock":
        name = BEDROCK_REGION.sub("", name)
        creator, _, name = name.partition(".") if "." in name.split("-")[0] else (None, "", name)
        creator = CREATORS.get(creator, creator)
        name = re.sub(r"-v\d+(?::\d+)?$", "", name)
    if creator is None or creator in ("models", "routers", "fireworks"):
        creator = creator_of(provider, name)
    if creator == "anthropic":
        name = CLAUDE_VERSION.sub(r"\1.\2", re.sub(r"-(?:20\d{6}|latest)$", "", name))
        name = re.sub(r"^claude-([4-9](?:\.\d)?)-(opus|sonnet|haiku)$", r"claude-\2-\1", name).removesuffix(".0")
    return f"{creator}/{name}"


def creator_of(provider, name):
    return next((creator for pattern, creator in FAMILIES if re.search(pattern, name)), provider)


if __name__ == "__main__":
    main()
