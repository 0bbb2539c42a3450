// An outline as a file on the reader's own computer.

/** What the server won't do, in its words. */
export class Refusal extends Error {}

/** The outline as a DICOM Segmentation, made by the server, which keeps nothing of it. Throws Refusal. */
export async function segmentation(address, corners) {
  const answer = await fetch(address, {
    method: "POST",
    body: JSON.stringify({ outline: corners }),
    headers: {
      Accept: "application/dicom, application/json",
      "Content-Type": "application/json",
      "X-CSRF-Token": document.querySelector("input[name=csrf]")?.value ?? "",
    },
    credentials: "same-origin",
  });
  if (answer.ok) return answer.blob();
  const { detail } = await answer.json();
  throw new Refusal(typeof detail === "string" ? detail : detail[0].msg);
}

export function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // a browser may ask first where to
}
