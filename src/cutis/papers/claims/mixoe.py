from __future__ import annotations

from cutis.papers import metrics
from cutis.papers.claim import Claim, Trial
from cutis.papers.looks import among_strange

DOUBT, REFUSAL = metrics.auroc("doubt", "strange"), metrics.auroc("ood", "strange")

CLAIM = Claim(
    id="mixoe",
    title="Mixture outlier exposure (MixOE)",
    citation='Zhang et al., "Mixture Outlier Exposure: Towards out-of-distribution detection in fine-grained '
    'environments", WACV 2023, arXiv:2106.03917.',
    claim="Teaching confidence to decay linearly from images to outliers makes the largest probability a better "
    "detector of strange pictures, near ones too.",
    idea="Blends of images with pictures of no class fill the space between them, and their target is between the "
    "label and chance. So the network learns where it stops knowing.",
    equation="L = l(f(x), y) + 5 H(f(s x + (1 - s) o), s y + (1 - s) / K), s ~ U(0, 1)",
    differences="Outliers are made up (tiles out of order, smooth fields, stripes) where they take WebVision; strange "
    "test pictures are test pictures in blue, in negative and two in one, of which none is taught.",
    where="train/objectives/mixoe.py",
    use="cutis train DATA --out RUN --method mixoe [--set outliers=FOLDER] [--set blend=cut]",
    notes={
        "phantom": "Before it the classifier was surer of strange pictures than of skin; after it, its own "
        "doubt tells them. The distance by which bundles refuse told them already (AUROC 0.94) "
        "and gains nothing.",
        "ham10000": "As in the phantom: its own doubt tells strange pictures from skin (AUROC 0.50 to 0.80), "
        "which it couldn't; the distance by which bundles refuse told them already (0.90) and "
        "gains 0.03.",
    },
    trials=tuple(
        Trial(world, DOUBT, method={"method": "mixoe"}, beside=(REFUSAL,), examine=among_strange)
        for world in ("phantom", "ham10000")
    ),
)
