// The proof of an event, checked here: its hash over the canonical JSON (RFC 8785), its place in the log (RFC 6962),
// and the log's signature (C2SP signed note, Ed25519). Web Crypto does the arithmetic; the portal is not believed.
const text = new TextEncoder();
export const hex = (bytes) => [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
const unhex = (letters) => Uint8Array.from(letters.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const unbase64 = (letters) => Uint8Array.from(atob(letters), (sign) => sign.charCodeAt(0));
const join = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

// RFC 8785: sorted keys (by UTF-16 code units, as sort() does), no spaces; our numbers are integers.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value && typeof value === "object") {
    return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

// What the hash covers: the envelope without its own hash and its position, which comes after commit.
export const leafData = ({ hash, position, ...envelope }) => text.encode(canonical(envelope));

// RFC 9162, 2.1.3.2: the root that a leaf and its path lead to; null where the path does not fit the tree.
export async function rootOf(index, size, leaf, path) {
  let node = index, last = size - 1, hash = leaf;
  if (index < 0 || index >= size) return null;
  for (const sibling of path) {
    if (last === 0) return null;
    if (node % 2 === 1 || node === last) {
      hash = await sha256(join([1], sibling, hash));
      while (node % 2 === 0 && node !== 0) { node = Math.floor(node / 2); last = Math.floor(last / 2); }
    } else {
      hash = await sha256(join([1], hash, sibling));
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

// A checkpoint's text and signatures, and the tree head that it states.
export function noteOf(note) {
  const cut = note.lastIndexOf("\n\n");
  const body = note.slice(0, cut + 1);
  const [origin, size, root] = body.split("\n");
  const signatures = note.slice(cut + 2).split("\n").filter(Boolean).map((line) => {
    const [, name, raw] = line.split(" ");
    return { name, bytes: unbase64(raw) };
  });
  return { body, origin, size: Number(size), root: unbase64(root), signatures };
}

// A verifier key in signed-note form: <name>+<key id>+<base64 of the type and the key>.
export function keysOf(lines) {
  return lines.split("\n").filter(Boolean).map((line) => {
    const at = line.indexOf("+");
    const [id, raw] = [line.slice(at + 1, at + 9), unbase64(line.slice(at + 10))];
    return { name: line.slice(0, at), id, kind: raw[0], bytes: raw.slice(1) };
  });
}

// Whether the log's key signed: true or false; null where this browser knows no Ed25519.
export async function isSigned(note, keys) {
  for (const key of keys.filter((one) => one.kind === 1 && one.name === note.origin)) {
    const signature = note.signatures.find((one) => one.name === key.name && hex(one.bytes.slice(0, 4)) === key.id);
    if (!signature) continue;
    try {
      const imported = await crypto.subtle.importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
      return await crypto.subtle.verify({ name: "Ed25519" }, imported, signature.bytes.slice(4), text.encode(note.body));
    } catch {
      return null;
    }
  }
  return false;
}

// Everything about one event: "good", or what is wrong.
export async function check(envelope, proof) {
  const data = leafData(envelope);
  if (hex(await sha256(data)) !== envelope.hash) return "hash";
  const leaf = await sha256(join([0], data));
  const root = await rootOf(proof.index, proof.size, leaf, proof.path.map(unhex));
  const note = noteOf(proof.checkpoint);
  if (!root || !same(root, note.root) || note.size !== proof.size) return "root";
  return "good";
}
