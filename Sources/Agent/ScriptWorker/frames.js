// The packets between agent and worker: a header in JSON and the blobs that it names, both with their lengths before them.
'use strict';
const fs = require('node:fs');

/** The longest frame, in bytes: 10,000 servers of 16 KiB. A longer one means that the two have lost each other's place. */
const FRAME_MAX = 256 * 1024 * 1024;
/** How much is asked for in one read, in bytes. */
const CHUNK_BYTES = 256 * 1024;

/** A frame that is none; the worker ends with it, for nothing that follows can be read. */
class FrameError extends Error {}

/** The lengths of the blobs that follow a header, in their order. */
function blobLengths(header) {
  switch (header.type) {
    case 'servers': return header.put.map(([, bytes]) => bytes);
    case 'call': return [header.text, header.input];
    case 'check': case 'metric': return [header.text];
    default: return [];
  }
}

/** Makes frames of bytes as they come, in pieces of any size. */
class FrameDecoder {
  #pieces = [];
  #bytes = 0;

  push(piece) {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** How many bytes are missing to the next frame, as far as is known: 0 where it is there. */
  get missing() {
    if (this.#bytes < 4) return 4 - this.#bytes;
    if (this.#pieces[0].length < 4) this.#join();
    const length = this.#pieces[0].readUInt32BE(0);
    if (length < 4 || length > FRAME_MAX) throw new FrameError(`a frame of ${length} bytes; 4 to ${FRAME_MAX} are allowed`);
    return Math.max(0, 4 + length - this.#bytes);
  }

  /** The next frame as `{header, blobs}`, or null where it is not whole yet. */
  next() {
    if (this.missing > 0) return null;
    const all = this.#join();
    const end = 4 + all.readUInt32BE(0);
    this.#pieces = end < all.length ? [all.subarray(end)] : [];
    this.#bytes -= end;
    return FrameDecoder.#frame(all.subarray(4, end));
  }

  static #frame(body) {
    let place = 4 + body.readUInt32BE(0);
    if (place > body.length) throw new FrameError(`a header of ${place - 4} bytes in a frame of ${body.length}`);
    const header = JSON.parse(body.toString('utf8', 4, place));
    const blobs = blobLengths(header).map((bytes) => body.subarray(place, place += bytes));
    if (place !== body.length) {
      throw new FrameError(`a frame "${header.type}" of ${body.length} bytes, whose header speaks of ${place}`);
    }
    return { header, blobs };
  }

  #join() {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0];
  }
}

/** How many bytes came; 0 where the other end has closed, whatever it had not read itself. */
function readSome(descriptor, chunk) {
  try {
    return fs.readSync(descriptor, chunk);
  } catch (error) {
    if (error.code !== 'ECONNRESET') throw error;
    return 0;
  }
}

/** Waits for frames on a descriptor that blocks. */
class FrameReader {
  #decoder = new FrameDecoder();
  #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #descriptor;

  constructor(descriptor) {
    this.#descriptor = descriptor;
  }

  /** The next frame, or null where the other end has closed. */
  next() {
    while (this.#decoder.missing > 0) {
      const bytes = readSome(this.#descriptor, this.#chunk);
      if (bytes === 0) return null;
      // What came and no more: a long frame comes in many pieces, and all of them are held until it is whole.
      this.#decoder.push(Buffer.from(this.#chunk.subarray(0, bytes)));
    }
    return this.#decoder.next();
  }
}

/** The bytes of a frame. */
function encodeFrame(header, blob = Buffer.alloc(0)) {
  const text = Buffer.from(JSON.stringify(header));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(4 + text.length + blob.length, 0);
  lengths.writeUInt32BE(text.length, 4);
  return Buffer.concat([lengths, text, blob]);
}

/** Writes all bytes to a descriptor that blocks. False where nobody reads them any more. */
function writeWhole(descriptor, bytes) {
  try {
    for (let sent = 0; sent < bytes.length;) sent += fs.writeSync(descriptor, bytes, sent);
    return true;
  } catch (error) {
    if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
    return false;
  }
}

module.exports = { FrameDecoder, FrameError, FrameReader, encodeFrame, writeWhole };
