"""The peer of benchmarks/serve.py: the same network behind a plain FastAPI endpoint and torch eager, as a user would
write it. No gate, no sets, no scores of strangeness, no trail."""

import io
import sys
from pathlib import Path
from typing import Any


def create(path: Path, *, threaded: bool) -> Any:
    """The application. threaded: `def`, which FastAPI runs in a thread of its own a request; else `async def`."""
    import torch
    from fastapi import FastAPI, UploadFile
    from PIL import Image
    from safetensors.torch import load_file
    from torchvision import transforms

    from cutis.bundle.load import read_card
    from cutis.models.network import build

    card = read_card(path)
    network = build(card.backbone, len(card.classes)).eval()
    network.load_state_dict(load_file(path / "weights.safetensors"))
    size, codes = card.preprocessing.size, [c.code for c in card.classes]
    transform = transforms.Compose(
        [
            transforms.Resize((size, size)),
            transforms.ToTensor(),
            transforms.Normalize(card.preprocessing.mean, card.preprocessing.std),
        ]
    )
    dims = [(), (3,), (2,), (2, 3)] if card.flips else [()]

    def answer(data: bytes) -> dict[str, Any]:
        x = transform(Image.open(io.BytesIO(data)).convert("RGB"))[None]
        with torch.inference_mode():
            logits = sum(network(x.flip(d) if d else x) for d in dims) / len(dims)
            p = torch.softmax(logits / card.calibrator.temperature, 1)[0].tolist()
        return {"probabilities": dict(zip(codes, p, strict=True))}

    answer(_grey())
    app = FastAPI()

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    if threaded:

        @app.post("/predict")
        def predict(file: UploadFile) -> dict[str, Any]:
            return answer(file.file.read())

    else:

        @app.post("/predict")
        async def predict(file: UploadFile) -> dict[str, Any]:
            return answer(await file.read())

    return app


def _grey() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (600, 450), (150, 120, 110)).save(out, "JPEG")
    return out.getvalue()


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        create(Path(sys.argv[1]), threaded=sys.argv[3] == "threaded"), port=int(sys.argv[2]), log_level="warning"
    )
