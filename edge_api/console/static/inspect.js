// Why a file would be refused, as far as that can be known before it is sent. The server looks again, by the same rules.

const HEAD_BYTES = 4096;
const MP4_BRANDS = new Set([
  "isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "mp41", "mp42", "mp71", "mmp4",
  "avc1", "av01", "hvc1", "hev1", "dash", "cmfc", "M4V ", "M4VH", "M4VP", "MSNV", "XAVC", "FACE", "f4v ",
]);
const OTHER_BRANDS = new Set([
  "M4A ", "M4B ", "M4P ", "F4A ", "F4B ", "heic", "heix", "hevc", "heim", "heis", "mif1", "msf1", "avif", "avis",
  "crx ", "jp2 ", "jpx ", "jpm ",
]);
const OLD_QUICKTIME = new Set(["moov", "mdat", "wide", "pnot"]);

function text(bytes, from, to) {
  return String.fromCharCode(...bytes.subarray(from, to));
}

function byBrands(bytes, size) {
  const end = Math.min(size, bytes.length);
  if (size < 16 || size % 4 || end < 16) return null;
  const major = text(bytes, 8, 12);
  if (major === "qt  ") return "mov";
  if (OTHER_BRANDS.has(major)) return null;
  if (MP4_BRANDS.has(major)) return "mp4";
  for (let at = 16; at + 4 <= end; at += 4) {
    if (MP4_BRANDS.has(text(bytes, at, at + 4))) return "mp4";
  }
  return null;
}

// mp4, mov, webm, or null for what is none of them.
export function container(bytes) {
  if (bytes.length < 8) return null;
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  if (size === 0x1a45dfa3) return text(bytes, 0, 64).includes("webm") ? "webm" : null;
  const kind = text(bytes, 4, 8);
  if (kind === "ftyp") return byBrands(bytes, size);
  return OLD_QUICKTIME.has(kind) && (size < 2 || size >= 8) ? "mov" : null;
}

export function sizeOf(count) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (count >= 999.5 && unit < units.length - 1) [count, unit] = [count / 1000, unit + 1];
  return `${unit && count < 99.95 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

// A sentence, or null when nothing speaks against the file.
export async function refusal(file, { maxBytes, formats }) {
  if (file.size === 0) return "The file is empty.";
  if (file.size > maxBytes) return `The file has ${sizeOf(file.size)}; at most ${sizeOf(maxBytes)} are accepted.`;
  let head;
  try {
    head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  } catch {
    return "The file cannot be read. It may be a folder, or have been moved.";
  }
  const found = container(head);
  if (found !== null && formats.includes(found)) return null;
  const known = formats.map((format) => format.toUpperCase()).join(", ");
  return `This is not a video of an accepted kind (${known}).`;
}
