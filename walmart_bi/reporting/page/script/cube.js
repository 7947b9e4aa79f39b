// Sums by dimensions: unpacking what `cube.py` packed, and adding up cells under filters. No DOM, no words.

/** @typedef {{dimensions: string[], sizes: number[], measures: string[], cells: number, widths: number[], data: string}} Packed */
/** @typedef {{orders: number, cents: number, squares: bigint}} Sums */
/** @typedef {{cells: number, codes: Record<string, Uint8Array>, sizes: Record<string, number>,
 *   orders: Float64Array, cents: Float64Array, squares: bigint[] | null}} Cube */

const NO_SUMS = () => ({ orders: 0, cents: 0, squares: 0n });

/** The bytes of a packed cube. @param {string} text */
async function inflate(text) {
  const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @param {Packed} packed @returns {Promise<Cube>} */
async function unpackCube(packed) {
  const bytes = await inflate(packed.data);
  let from = 0;
  const columns = packed.widths.map((width) => {
    const column = width > 6 ? bigColumn(bytes, from, packed.cells, width) : column53(bytes, from, packed.cells, width);
    from += width * packed.cells;
    return column;
  });
  const named = Object.fromEntries(packed.measures.map((name, index) => [name, columns[index + 1]]));
  const squares = named.squares ? Array.from(named.squares, BigInt) : null;
  const sizes = Object.fromEntries(packed.dimensions.map((name, index) => [name, packed.sizes[index]]));
  return { cells: packed.cells, codes: codesOf(packed, columns[0]), sizes, orders: Float64Array.from(named.orders, Number),
    cents: Float64Array.from(named.cents, Number), squares };
}

function column53(bytes, from, cells, width) {
  const column = new Float64Array(cells);
  for (let plane = 0; plane < width; plane += 1) {
    for (let cell = 0; cell < cells; cell += 1) column[cell] += bytes[from + plane * cells + cell] * 256 ** plane;
  }
  return column;
}

function bigColumn(bytes, from, cells, width) {
  return Array.from({ length: cells }, (_, cell) => {
    let value = 0n;
    for (let plane = width - 1; plane >= 0; plane -= 1) value = value * 256n + BigInt(bytes[from + plane * cells + cell]);
    return value;
  });
}

/** Each cell's place in each dimension, from the steps between the cells. */
function codesOf(packed, steps) {
  const codes = Object.fromEntries(packed.dimensions.map((name) => [name, new Uint8Array(packed.cells)]));
  let place = -1;
  for (let cell = 0; cell < packed.cells; cell += 1) {
    place += Number(steps[cell]);
    let rest = place;
    for (let at = packed.dimensions.length - 1; at >= 0; at -= 1) {
      codes[packed.dimensions[at]][cell] = rest % packed.sizes[at];
      rest = Math.floor(rest / packed.sizes[at]);
    }
  }
  return codes;
}

/**
 * Sums over the cells that pass the filter, in one group for each place of the dimension (all in one without).
 * @param {Cube} cube @param {Record<string, number>} filter place to keep, by dimension; dimensions the cube lacks are
 * not looked at @param {string | null} by @returns {Sums[]}
 */
function sumsBy(cube, filter, by = null) {
  const kept = Object.entries(filter).filter(([name]) => name in cube.codes).map(([name, code]) => [cube.codes[name], code]);
  const groups = Array.from({ length: by ? cube.sizes[by] : 1 }, NO_SUMS);
  const group = by ? cube.codes[by] : null;
  for (let cell = 0; cell < cube.cells; cell += 1) {
    if (kept.some(([codes, code]) => codes[cell] !== code)) continue;
    const sums = groups[group ? group[cell] : 0];
    sums.orders += cube.orders[cell];
    sums.cents += cube.cents[cell];
    if (cube.squares) sums.squares += cube.squares[cell];
  }
  return groups;
}

/** Sums by two dimensions: `result[place in first][place in second]`. @returns {Sums[][]} */
function sumsByTwo(cube, filter, first, second) {
  return Array.from({ length: cube.sizes[first] }, (_, code) => (
    filter[first] !== undefined && filter[first] !== code
      ? Array.from({ length: cube.sizes[second] }, NO_SUMS)
      : sumsBy(cube, { ...filter, [first]: code }, second)));
}

const added = (groups) => groups.reduce((total, each) => ({ orders: total.orders + each.orders,
  cents: total.cents + each.cents, squares: total.squares + each.squares }), NO_SUMS());
