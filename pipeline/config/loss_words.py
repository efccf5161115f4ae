"""Losses that a config may name by one word, as Keras does: `heads.price.loss=huber`."""

from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from pipeline.errors import ConfigError

LOSS_WORDS = {
    "mse": "keras.losses.MeanSquaredError",
    "mae": "keras.losses.MeanAbsoluteError",
    "huber": "keras.losses.Huber",
}
NODE = "{_target_: …, arguments}"


def with_losses(cfg: DictConfig) -> DictConfig:
    """Replaces each head's loss that is one word by the loss itself; later checks tell whether it fits.

    Raises:
        ConfigError: there is no such word.
    """
    heads = OmegaConf.select(cfg, "heads", default=None)
    words = {name: head["loss"] for name, head in _items(heads) if isinstance(_loss(head), str)}
    if not words:
        return cfg
    copy = cfg.copy()
    with open_dict(copy), read_write(copy):
        for name, word in words.items():
            if word not in LOSS_WORDS:
                problem = "there is no such loss"
                raise ConfigError(f"heads.{name}.loss", problem, found=word, allowed=[*LOSS_WORDS, NODE])
            copy.heads[name].loss = {"_target_": LOSS_WORDS[word]}
    return copy


def _items(heads: Any) -> list[tuple[str, Any]]:
    # Nodes of a wrong type are left to the checks, whose messages are clearer.
    return [(str(name), head) for name, head in heads.items()] if isinstance(heads, DictConfig) else []


def _loss(head: Any) -> Any:
    return head.get("loss") if isinstance(head, DictConfig) else None
