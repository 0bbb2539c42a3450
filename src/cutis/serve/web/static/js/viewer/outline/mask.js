/** A PNG as large as the photograph, white where the outline and its inside are, black elsewhere. Rejects if the
 *  browser can't make one so large. A segmentation made by the server holds the same pixels. */
export function maskOf(corners, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillRect(0, 0, width, height);
  pen.translate(0.5, 0.5); // a corner is the middle of its pixel
  pen.beginPath();
  for (const [x, y] of corners) pen.lineTo(x, y);
  pen.closePath();
  pen.fillStyle = pen.strokeStyle = "white";
  pen.lineJoin = "round";
  pen.fill("evenodd");
  pen.stroke(); // a pixel wide: the pixels that the sides run through belong to it
  harden(pen, width, height);
  return new Promise((made, failed) => {
    canvas.toBlob((blob) => (blob ? made(blob) : failed(new Error("no canvas of this size"))), "image/png");
  });
}

/** The browser softens edges; a mask has no grey. */
function harden(pen, width, height) {
  const pixels = pen.getImageData(0, 0, width, height);
  const { data } = pixels;
  for (let i = 0; i < data.length; i += 4) data[i] = data[i + 1] = data[i + 2] = data[i] < 128 ? 0 : 255;
  pen.putImageData(pixels, 0, 0);
}
