"""Why a bundle refuses a picture, beside what its gate says: by code, in words with their numbers, and read back."""

from __future__ import annotations

from cutis.image.coded import Templates

# The sentences begin as the codes do in a table of predictions: "unlike the training images: ...".
REFUSALS = Templates(
    {
        "unlike_the_training_images": "unlike the training images: {score!s} is {value:.3f}, above {limit:.3f}",
        "no_class_is_likely_enough": "no class is likely enough for {coverage:.0%} coverage: "
        "the largest probability is {most:.3f}",
    }
)
