"""What a recipe says of its optimiser: the steps, how long they go on, and which means of the weights are kept."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from algorithm.settings import Settings
from training.model_settings import Count, Positive, Share

SomeShare = Annotated[float, Field(gt=0, le=1)]
SomeMomentum = Annotated[float, Field(ge=0, lt=1)]


class OptimiserSettings(Settings):
    """AdamW or stochastic gradient descent, its schedule and its batches.

    momentum: of the descent; betas: of AdamW. schedule: "cosine" falls to `final_learning_rate` in `cosine_epochs`, by
    default in all of them, warm-up included; in any that are left it rises as it fell, and so on. accumulate: into how
    many equal parts a process cuts its share of a batch, where memory is short for the whole.
    precision: the network's in training; with bfloat16 the scan, the loss and the weights still are float32, and so is
    validation. average: the share by which each step moves the mean of the weights (training/averaging.py), which then
    is what is validated and kept (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992);
    0: no mean. averages: of several means, each of which is validated and kept beside the network that trains, in a
    folder of its own (training/kept.py); none: one network is kept. epochs: at most, where there is a patience.
    patience: after how many epochs in which none of the networks that are kept becomes better, by what `select_on`
    selects, a run ends; none: never. It goes with a constant rate alone. A cosine leads up to networks that are best at
    its end, and what seems a plateau on the way there is the rate, which is still high: a run that ends on it has
    never been at zero.
    """

    method: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 5e-4
    momentum: SomeMomentum = 0.9
    betas: tuple[SomeMomentum, SomeMomentum] = (0.9, 0.999)
    weight_decay: float = 1e-2
    schedule: Literal["constant", "cosine"] = "constant"
    cosine_epochs: Count | None = None
    final_learning_rate: Annotated[float, Field(ge=0)] = 0.0
    warmup_batches: int = 0
    gradient_clip: Positive = 1.0
    batch_size: int = Field(24, ge=1)
    accumulate: int = Field(1, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"
    average: Share = 0.0
    averages: tuple[SomeShare, ...] = ()
    epochs: int = Field(100, ge=1)
    patience: Count | None = None
    batches_per_epoch: int = Field(1000, ge=1)

    @model_validator(mode="after")
    def _means_are_told_apart(self) -> Self:
        if self.average and self.averages:
            raise ValueError("average keeps one mean in the network's place and averages several beside it: give one")
        if len(set(self.averages)) < len(self.averages):
            raise ValueError("averages should be different shares")
        return self

    @model_validator(mode="after")
    def _a_cosine_comes_to_its_end(self) -> Self:
        if self.patience is not None and self.schedule == "cosine":
            raise ValueError("patience would end a cosine before it is at zero: set schedule=constant or no patience")
        return self
