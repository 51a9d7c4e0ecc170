// Frames as spikedu/figures/canvas.py packs them: 4 bytes with the length of a header
// in JSON, the header, and the arrays that it names.

const TYPES = { u1: Uint8Array, f4: Float32Array };

// From a DataView (the kernel's) or a Uint8Array. Arrays become {data, shape}.
export function decode(bytes) {
  const raw = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = new DataView(raw.buffer, raw.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + size)));
  const body = raw.slice(4 + size).buffer; // aligned, and kept when the message goes
  const walk = (x) => {
    if (Array.isArray(x)) return x.map(walk);
    if (x === null || typeof x !== "object") return x;
    if (x.$) return unpacked(body, x);
    return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, walk(value)]));
  };
  return walk(header);
}

function unpacked(body, { $: type, shape, from }) {
  const count = shape.reduce((a, b) => a * b, 1);
  if (type === "few") {
    const size = new Uint32Array(body, from, 1)[0], table = new Float32Array(body, from + 4, size);
    const index = new Uint8Array(body, from + 4 + 4 * size, count);
    return { shape, data: Float32Array.from(index, (k) => table[k]) };
  }
  if (type !== "bits") return { shape, data: new TYPES[type](body, from, count) };
  const packed = new Uint8Array(body, from, Math.ceil(count / 8));
  const data = new Uint8Array(count);
  for (let k = 0; k < count; k++) data[k] = (packed[k >> 3] >> (k & 7)) & 1;
  return { shape, data };
}

// Many frames in one text, deflated: for a page without a kernel.
export async function inflate(text) {
  const raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  const found = [];
  for (let at = 0; at < all.length; ) {
    const size = new DataView(all.buffer, at, 4).getUint32(0, true);
    found.push(all.subarray(at + 4, at + 4 + size));
    at += 4 + size;
  }
  return found;
}
